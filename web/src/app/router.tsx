// Every address of the page, each with the screen that is fetched when somebody goes there.
// What lies under `member` is seen only by somebody who is signed in; what anybody may open belongs beside it.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router';
import { withConsoleTexts } from './texts';
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
const slot = createRoute({
  getParentRoute: () => member,
  path: '/slots/$id',
  component: lazyRouteComponent(() => import('./SlotPage')),
});
const bookings = createRoute({
  getParentRoute: () => member,
  path: '/bookings',
  component: lazyRouteComponent(() => import('../features/bookings/components/BookingsPage')),
});
const booking = createRoute({
  getParentRoute: () => member,
  path: '/bookings/$id',
  component: lazyRouteComponent(() => import('../features/bookings/components/BookingPage')),
});
const entry = createRoute({
  getParentRoute: () => member,
  path: '/waitlist/$id',
  component: lazyRouteComponent(() => import('../features/waitlist/components/OfferPage')),
});
const courses = createRoute({
  getParentRoute: () => member,
  path: '/courses',
  component: lazyRouteComponent(() => import('../features/courses/components/CoursesPage')),
});
const classes = createRoute({
  getParentRoute: () => member,
  path: '/classes',
  component: lazyRouteComponent(() => import('../features/classes/components/ClassesPage')),
});
const board = createRoute({
  getParentRoute: () => member,
  path: '/board',
  component: lazyRouteComponent(() => import('../features/board/components/Board')),
});

const admin = createRoute({
  getParentRoute: () => member,
  path: '/admin',
  component: lazyRouteComponent(() => withConsoleTexts(import('../features/admin/components/AdminFrame'))),
});
const adminResources = createRoute({
  getParentRoute: () => admin,
  path: '/',
  component: lazyRouteComponent(() => import('../features/admin/components/ResourcesPage')),
});
const adminResource = createRoute({
  getParentRoute: () => admin,
  path: '/resources/$id',
  component: lazyRouteComponent(() => import('../features/admin/components/ResourcePage')),
});
const adminBulk = createRoute({
  getParentRoute: () => admin,
  path: '/bulk',
  component: lazyRouteComponent(() => import('../features/admin/components/BulkPage')),
});
const adminApprovals = createRoute({
  getParentRoute: () => admin,
  path: '/approvals',
  component: lazyRouteComponent(() => import('../features/admin/components/ApprovalsPage')),
});
const adminOverride = createRoute({
  getParentRoute: () => admin,
  path: '/override',
  component: lazyRouteComponent(() => import('../features/admin/components/OverridePage')),
});
const adminPeople = createRoute({
  getParentRoute: () => admin,
  path: '/people',
  component: lazyRouteComponent(() => import('../features/admin/components/PeoplePage')),
});
const adminAudit = createRoute({
  getParentRoute: () => admin,
  path: '/audit',
  component: lazyRouteComponent(() => import('../features/admin/components/AuditPage')),
});
const adminBoard = createRoute({
  getParentRoute: () => admin,
  path: '/board',
  component: lazyRouteComponent(() => import('../features/board/components/Board')),
});
const backOffice = admin.addChildren([adminResources, adminResource, adminBulk, adminApprovals, adminOverride, adminPeople, adminAudit, adminBoard]);

const profile = createRoute({
  getParentRoute: () => member,
  path: '/profile',
  component: lazyRouteComponent(() => import('../features/session/components/ProfilePage')),
});

const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: lazyRouteComponent(() => import('../features/session/components/SetUpPage')),
});
const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitation',
  component: lazyRouteComponent(() => import('../features/session/components/InvitationPage')),
});
const forgot = createRoute({
  getParentRoute: () => root,
  path: '/forgot',
  component: lazyRouteComponent(() => import('../features/session/components/ForgotPage')),
});
const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: lazyRouteComponent(() => import('../features/session/components/ResetPage')),
});

export const router = createRouter({
  routeTree: root.addChildren([
    member.addChildren([find, slot, bookings, booking, entry, courses, classes, board, profile, backOffice]),
    setup,
    invitation,
    forgot,
    reset,
  ]),
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
