// The way in to what only somebody may see who is signed in: everybody else meets the sign-in, at the same address.
import { Button, Stack, Text } from '@mantine/core';
import { Outlet } from '@tanstack/react-router';
import { lazy, Suspense, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { LiveProvider } from '../features/live/LiveProvider';
import { useMe } from '../features/session/queries';
import { chooseLanguage, i18n, isLanguage } from '../lib/i18n';
import { readIn } from '../lib/times';
import { Opening } from './Interludes';
import { Shell } from './Shell';

// Whoever is signed in does not need it.
const SignIn = lazy(() => import('../features/session/components/SignIn').then((module) => ({ default: module.SignIn })));

export function Entrance() {
  const { t } = useTranslation();
  const me = useMe();
  const language = me.data?.language ?? null;
  // Whoever signs in anywhere meets the language of their profile; a choice that is only this device's stays where there is none.
  useEffect(() => {
    if (isLanguage(language) && language !== i18n.language) void chooseLanguage(language);
  }, [language]);
  readIn(me.data?.zone ?? null);
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
  // Another person gets another page: nothing of the one before may stay. In another zone everything is written anew.
  return (
    <LiveProvider key={`${me.data.id} ${me.data.zone}`}>
      <Shell me={me.data}>
        <Outlet />
      </Shell>
    </LiveProvider>
  );
}
