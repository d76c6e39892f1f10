// What whoever looks at the console may change there, so that nothing is offered that would be refused. Permits nothing: the server decides.
import type { Resource } from '../../api/types';
import { useProfile, useSignedIn } from '../session/queries';

export interface May {
  /** Everything: an admin. */
  all: boolean;
  /** Something: an admin or a manager. */
  some: boolean;
  /** This resource and what is on it. */
  change: (resource: Pick<Resource, 'id' | 'group'>) => boolean;
}

export function useMay(): May {
  const { role } = useSignedIn();
  const profile = useProfile(role === 'manager');
  const managed = new Set(profile.data?.manages);
  const all = role === 'admin';
  return {
    all,
    some: all || role === 'manager',
    change: ({ id, group }) => all || (role === 'manager' && (managed.has(id) || (group !== null && group !== undefined && managed.has(group)))),
  };
}
