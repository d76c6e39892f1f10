// The screens that the navigation leads to, in their order, and who is shown the way.
// Whether somebody may do anything there is the server's to say.
import type { Me } from '../api/types';
import type { IconName } from '../components/icons';

interface PageLink {
  to: '/' | '/bookings' | '/courses' | '/classes' | '/board' | '/admin';
  /** The key of its name. */
  name: string;
  icon: IconName;
  isFor?: (me: Me) => boolean;
}

export const pages: PageLink[] = [
  { to: '/', name: 'app.find', icon: 'search' },
  { to: '/bookings', name: 'app.myBookings', icon: 'calendar' },
  { to: '/courses', name: 'app.courses', icon: 'book' },
  { to: '/classes', name: 'app.classes', icon: 'people' },
  // Everybody else finds it in the console.
  { to: '/board', name: 'board.title', icon: 'chart', isFor: (me) => me.demo && me.role === 'member' },
  { to: '/admin', name: 'app.admin', icon: 'key', isFor: (me) => me.role !== 'member' },
];
