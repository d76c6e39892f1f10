// What the console reads: resources, one resource with its state, requests, and what was decided.
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { AuditItem, Booking, Hold, Page, Resource } from '../../api/types';
import { ask } from '../../lib/http';
import { serverNow } from '../../lib/serverClock';

const pages_max = 20;

export interface ResourceFilter {
  kind: string;
  q: string;
  building?: string;
  /** Only those that one manages. */
  mine?: boolean;
}

export function useResources({ kind, q, building = '', mine = false }: ResourceFilter) {
  return useInfiniteQuery({
    queryKey: ['admin', 'resources', kind, q, building, mine],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ limit: '50' });
      if (kind) params.set('kind', kind);
      if (q.trim()) params.set('q', q.trim());
      if (building) params.set('building', building);
      if (mine) params.set('manager', 'me');
      if (pageParam) params.set('after', pageParam);
      return ask<Page<Resource>>(`/api/resources?${params}`, { signal });
    },
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
  });
}

export const readResource = (id: string, at?: string, signal?: AbortSignal) =>
  ask<Resource>(`/api/resources/${id}${at ? `?at_version=${at}` : ''}`, signal ? { signal } : {});

export function useResource(id: string) {
  return useQuery({ queryKey: ['admin', 'resource', id], queryFn: ({ signal }) => readResource(id, undefined, signal), staleTime: 0 });
}

/** Live holds on a resource, as far as they are told. */
export function useHoldsOn(id: string) {
  return useQuery({
    queryKey: ['admin', 'holds', id],
    refetchInterval: 10_000,
    queryFn: ({ signal }) => ask<Page<Hold>>(`/api/holds?resource=${id}`, { signal }),
  });
}

export function useGroups() {
  return useQuery({
    queryKey: ['admin', 'groups'],
    staleTime: 60_000,
    queryFn: ({ signal }) => ask<Page<Resource>>('/api/resources?kind=group&limit=200', { signal }),
  });
}

/** All resources and groups, four thousand of each at the most, for a table that names them. */
export async function readAllResources(): Promise<Resource[]> {
  const all: Resource[] = [];
  // Groups are told only where they are asked for.
  for (const kind of ['', '&kind=group']) {
    let next: string | null = null;
    for (let page = 0; page < pages_max; page += 1) {
      const after: string = next ? `&after=${encodeURIComponent(next)}` : '';
      const answer: Page<Resource> = await ask(`/api/resources?limit=200${kind}${after}`);
      all.push(...answer.items);
      next = answer.next;
      if (!next) break;
    }
  }
  return all;
}

export type BookingState = 'pending' | 'confirmed';

/** Bookings that are not over, of a resource or of all. */
export function useBookings(state: BookingState, resource = '') {
  return useInfiniteQuery({
    queryKey: ['admin', 'bookings', state, resource],
    initialPageParam: null as string | null,
    refetchInterval: 15_000,
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ state, from: new Date(serverNow()).toISOString() });
      if (resource) params.set('resource', resource);
      if (pageParam) params.set('after', pageParam);
      return ask<Page<Booking>>(`/api/bookings?${params}`, { signal });
    },
    getNextPageParam: (last) => last.next,
  });
}

export interface AuditFilter {
  resource: string;
  person: string;
  booking: string;
  outcome: string;
  from: string;
  to: string;
}

export function auditParams({ from, to, ...filter }: AuditFilter): URLSearchParams {
  const params = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  // Days are the viewer's own.
  if (from) params.set('from', new Date(`${from}T00:00`).toISOString());
  if (to) params.set('to', new Date(new Date(`${to}T00:00`).getTime() + 86_400_000).toISOString());
  return params;
}

export function useAudit(filter: AuditFilter) {
  const query = auditParams(filter).toString();
  return useInfiniteQuery({
    queryKey: ['admin', 'audit', query],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask<Page<AuditItem>>(`/api/audit?limit=50&${query}${pageParam ? `&after=${pageParam}` : ''}`, { signal }),
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
    staleTime: 0,
    refetchInterval: (state) => (state.state.data && state.state.data.pages.length > 1 ? false : 5_000),
  });
}
