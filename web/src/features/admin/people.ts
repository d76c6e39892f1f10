// What the console reads and does about people: who there is, how they stand, who is invited. Nothing here is an attempt on a booking,
// so it has no key: asked again it comes to the same.
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ApiKey, Facts, Invitation, Invited, Page, PersonListed, Access } from '../../api/types';
import { ask } from '../../lib/http';

export function usePeople(q: string, suspended: boolean) {
  return useInfiniteQuery({
    queryKey: ['admin', 'people', q, suspended],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ limit: '50' });
      if (q.trim()) params.set('q', q.trim());
      if (suspended) params.set('suspended', 'true');
      if (pageParam) params.set('after', pageParam);
      return ask<Page<PersonListed>>(`/api/people?${params}`, { signal });
    },
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
  });
}

export function useInvitations() {
  return useQuery({ queryKey: ['admin', 'people', 'invitations'], queryFn: ({ signal }) => ask<Page<Invitation>>('/api/invitations', { signal }) });
}

export function useStanding(id: string) {
  return useQuery({ queryKey: ['admin', 'people', 'standing', id], staleTime: 0, queryFn: ({ signal }) => ask<Access>(`/api/people/${id}/standing`, { signal }) });
}

export function useKeysOf(id: string) {
  return useQuery({ queryKey: ['admin', 'people', 'keys', id], staleTime: 0, queryFn: ({ signal }) => ask<Page<ApiKey>>(`/api/people/${id}/keys`, { signal }) });
}

export function useFacts(id: string | null) {
  return useQuery({
    queryKey: ['admin', 'facts', id],
    enabled: id !== null,
    queryFn: ({ signal }) => ask<Facts>(`/api/people/${id}/facts`, { signal }),
    staleTime: 0,
  });
}

export interface Deed {
  path: string;
  method: 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
}

/** One thing that is done to how somebody comes in; the lists are read again after it, whatever became of it. */
export function useDeed() {
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [invited, setInvited] = useState<Invited | null>(null);

  async function carryOut(deed: Deed): Promise<boolean> {
    if (busy) return false;
    setBusy(true);
    setError(null);
    setInvited(null);
    try {
      const answer = await ask<Invited | undefined>(deed.path, deed);
      if (answer?.person) setInvited(answer);
      return true;
    } catch (cause) {
      setError(cause as Error);
      return false;
    } finally {
      setBusy(false);
      void queries.invalidateQueries({ queryKey: ['admin', 'people'] });
    }
  }

  return { carryOut, busy, error, invited, clear: () => setInvited(null) };
}
