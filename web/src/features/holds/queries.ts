// Reads one's own live holds, and what they hold.
import { useQuery } from '@tanstack/react-query';
import type { Hold, Page, Resource } from '../../api/types';
import { ask } from '../../lib/http';

export function useMyHolds() {
  return useQuery({
    queryKey: ['holds', 'mine'],
    queryFn: ({ signal }) => ask<Page<Hold>>('/api/holds?owner=me', { signal }),
    staleTime: 30_000,
  });
}

/** A hold names its resource by id only. */
export function useResource(id: string) {
  return useQuery({
    queryKey: ['resource', id],
    queryFn: ({ signal }) => ask<Resource>(`/api/resources/${id}`, { signal }),
    staleTime: 5 * 60_000,
  });
}
