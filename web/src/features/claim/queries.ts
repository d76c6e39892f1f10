// Reads what is free instead of what was refused: other rooms, other times, a shorter time.
import { useQuery } from '@tanstack/react-query';
import type { Alternatives } from '../../api/types';
import { ask } from '../../lib/http';
import type { Filters } from '../search/filters';

/** What was refused: enough of it to ask for something near. */
export interface Refused {
  resource: { id: string };
  start: string;
  end: string;
}

/** The server's link knows what was asked; the person's filters know what another room must have. */
export function useAlternatives(refused: Refused, link: string | null | undefined, filters: Filters, enabled: boolean) {
  const address = alternativesOf(refused, link, filters);
  return useQuery({
    enabled,
    queryKey: ['alternatives', address],
    staleTime: 0,
    gcTime: 0,
    queryFn: ({ signal }) => ask<Alternatives>(address, { signal }),
  });
}

export function alternativesOf({ resource, start, end }: Refused, link: string | null | undefined, { people, equipment }: Filters): string {
  // Only a path of our own API is followed; a problem from elsewhere carries none.
  const ours = link?.startsWith('/api/alternatives?') ? link.slice('/api/alternatives?'.length) : null;
  const query = new URLSearchParams(ours ?? { resource: resource.id, start, end });
  if (people && !query.has('people')) query.set('people', String(people));
  if (equipment.length > 0) query.set('equipment', equipment.join(','));
  return `/api/alternatives?${query}`;
}
