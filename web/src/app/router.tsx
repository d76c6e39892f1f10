// Every address of the page, each with the screen that is fetched when somebody goes there.
// What lies under `member` is seen only by somebody who is signed in; what anybody may open belongs beside it.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router';
import { parseSearch, stringifySearch } from '../lib/address';
import { Entrance } from './Entrance';
import { Broken, Missing, Opening } from './Interludes';

const root = createRootRoute({ component: Outlet });
const member = createRoute({ getParentRoute: () => root, id: 'member', component: Entrance });

const find = createRoute({
  getParentRoute: () => member,
  path: '/',
  component: lazyRouteComponent(() => import('./TeacherDashboard'), 'TeacherDashboard'),
});
const bookings = createRoute({
  getParentRoute: () => member,
  path: '/bookings',
  component: lazyRouteComponent(() => import('../features/bookings/components/BookingsPage')),
});
const board = createRoute({
  getParentRoute: () => member,
  path: '/board',
  component: lazyRouteComponent(() => import('../features/board/components/Board')),
});

export const router = createRouter({
  routeTree: root.addChildren([member.addChildren([find, bookings, board])]),
  parseSearch,
  stringifySearch,
  // What somebody is about to open is fetched while they aim.
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingComponent: Opening,
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: Missing,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
