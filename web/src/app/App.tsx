// Puts the providers around the routes. Decides nothing itself.
import { DirectionProvider, MantineProvider, useDirection } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorBoundary } from './ErrorBoundary';
import { queries } from './queryClient';
import { router } from './router';
import { theme } from './theme';

export function App() {
  return (
    <DirectionProvider>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queries}>
          <ErrorBoundary>
            <Direction />
            <Toasts />
            <RouterProvider router={router} />
          </ErrorBoundary>
        </QueryClientProvider>
      </MantineProvider>
    </DirectionProvider>
  );
}

/** The kit learns from here which way the language runs. */
function Direction() {
  const { i18n } = useTranslation();
  const { setDirection } = useDirection();
  const direction = i18n.dir(i18n.language);
  useEffect(() => setDirection(direction), [direction, setDirection]);
  return null;
}

/** Never over the way on: below on a wide screen, above on a phone, where the dialog's buttons are below. */
function Toasts() {
  const narrow = useMediaQuery('(max-width: 780px)');
  return <Notifications position={narrow ? 'top-center' : 'bottom-right'} zIndex={500} containerWidth={340} />;
}
