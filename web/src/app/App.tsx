// Puts the providers around the routes. Decides nothing itself.
import { DirectionProvider, MantineProvider, useDirection } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { whenIdle } from '../lib/whenIdle';
import { ErrorBoundary } from './ErrorBoundary';
import { queries } from './queryClient';
import { router } from './router';
import { theme } from './theme';

// Nothing is told before the page stands; what is told meanwhile waits for it.
const Toasts = lazy(() => import('./Toasts'));

export function App() {
  return (
    <DirectionProvider>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queries}>
          <ErrorBoundary>
            <Direction />
            <Later />
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

function Later() {
  const [stands, setStands] = useState(false);
  useEffect(() => whenIdle(() => setStands(true)), []);
  return stands ? <Suspense fallback={null}><Toasts /></Suspense> : null;
}
