// Who is signed in, and who one may be in the demo.
import { useQuery } from '@tanstack/react-query';
import type { ApiKey, Doors, DemoPerson, Me, Page, Profile, Session } from '../../api/types';
import { ask, Problem } from '../../lib/http';

/** null: nobody is signed in. */
export function useMe() {
  return useQuery({
    queryKey: ['me'],
    queryFn: async ({ signal }): Promise<Me | null> => {
      try {
        return await ask<Me>('/api/me', { signal });
      } catch (cause) {
        if (cause instanceof Problem && cause.status === 401) return null;
        throw cause;
      }
    },
    // Another tab may have switched person; the cookie is shared.
    refetchOnWindowFocus: 'always',
    staleTime: 60_000,
  });
}

/** Who is signed in, on a screen that nobody else sees. */
export function useSignedIn(): Me {
  const { data } = useMe();
  if (!data) throw new Error('useSignedIn is used where nobody is signed in');
  return data;
}

/** null: this server is no demo, people bring an API key. */
export function useDemoPeople(enabled: boolean) {
  return useQuery({
    queryKey: ['demo-people'],
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }): Promise<DemoPerson[] | null> => {
      try {
        return (await ask<{ items: DemoPerson[] }>('/api/demo/people', { signal })).items;
      } catch (cause) {
        if (cause instanceof Problem && cause.status === 404) return null;
        throw cause;
      }
    },
  });
}

/** What there is at the entrance: a first set-up, letters, a provider. */
export function useDoors() {
  return useQuery({ queryKey: ['doors'], queryFn: ({ signal }) => ask<Doors>('/api/doors', { signal }), staleTime: 60_000 });
}

export function useProfile(enabled = true) {
  return useQuery({ queryKey: ['profile'], enabled, queryFn: ({ signal }) => ask<Profile>('/api/me/profile', { signal }) });
}

export function useSessions() {
  return useQuery({ queryKey: ['sessions'], queryFn: ({ signal }) => ask<Page<Session>>('/api/me/sessions', { signal }) });
}

export function useKeys() {
  return useQuery({ queryKey: ['keys'], queryFn: ({ signal }) => ask<Page<ApiKey>>('/api/me/keys', { signal }) });
}
