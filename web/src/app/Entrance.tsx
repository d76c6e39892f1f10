// The way in to what only somebody may see who is signed in: everybody else meets the sign-in, at the same address.
import { Button, Stack, Text } from '@mantine/core';
import { Outlet } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { LiveProvider } from '../features/live/LiveProvider';
import { useMe } from '../features/session/queries';
import { Opening } from './Interludes';
import { Shell } from './Shell';

// Whoever is signed in does not need it.
const SignIn = lazy(() => import('../features/session/components/SignIn').then((module) => ({ default: module.SignIn })));

export function Entrance() {
  const { t } = useTranslation();
  const me = useMe();
  if (me.isPending) return <Opening />;
  if (me.isError) {
    return (
      <Stack component="main" align="center" p="xl" mt="10vh">
        <Text role="alert">{t('common.noAnswer')}</Text>
        <Button onClick={() => void me.refetch()}>{t('common.retry')}</Button>
      </Stack>
    );
  }
  if (me.data === null) {
    return (
      <Suspense fallback={<Opening />}>
        <SignIn />
      </Suspense>
    );
  }
  // Another person gets another page: nothing of the one before may stay.
  return (
    <LiveProvider key={me.data.id}>
      <Shell me={me.data}>
        <Outlet />
      </Shell>
    </LiveProvider>
  );
}
