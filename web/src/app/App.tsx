// Puts the providers around the page and decides between the sign-in and the dashboard.
import { Button, MantineProvider, Stack, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { LiveProvider } from '../features/live/LiveProvider';
import { SignIn } from '../features/session/components/SignIn';
import type { Me } from '../api/types';
import { useMe } from '../features/session/queries';
import { usePath } from '../lib/location';
import { ErrorBoundary } from './ErrorBoundary';
import { queries } from './queryClient';
import { Shell } from './Shell';
import { TeacherDashboard } from './TeacherDashboard';
import { theme } from './theme';

// Few look at it, and nobody first.
const Board = lazy(() => import('../features/board/components/Board'));

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <ErrorBoundary>
          <Toasts />
          <Entrance />
        </ErrorBoundary>
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** Never over the way on: below on a wide screen, above on a phone, where the dialog's buttons are below. */
function Toasts() {
  const narrow = useMediaQuery('(max-width: 640px)');
  return <Notifications position={narrow ? 'top-center' : 'bottom-right'} zIndex={500} containerWidth={340} />;
}

function Entrance() {
  const { t } = useTranslation();
  const me = useMe();
  if (me.isPending) return <p role="status" style={{ padding: 24 }}>{t('common.loading')}</p>;
  if (me.isError) {
    return (
      <Stack component="main" align="center" p="xl" mt="10vh">
        <Text role="alert">{t('common.noAnswer')}</Text>
        <Button onClick={() => void me.refetch()}>{t('common.retry')}</Button>
      </Stack>
    );
  }
  if (me.data === null) return <SignIn />;
  // Another person gets another page: nothing of the one before may stay.
  return (
    <LiveProvider key={me.data.id}>
      <Shell me={me.data}>
        <Page me={me.data} />
      </Shell>
    </LiveProvider>
  );
}

function Page({ me }: { me: Me }) {
  const { t } = useTranslation();
  if (usePath() !== '/board') return <TeacherDashboard />;
  return (
    <Suspense fallback={<p role="status" style={{ padding: 24 }}>{t('common.loading')}</p>}>
      <Board me={me} />
    </Suspense>
  );
}
