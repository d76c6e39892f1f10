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

/** What is named by id only; `fresh` where what is left of it or waits for it is shown too. */
export function useResource(id: string, fresh = false) {
  return useQuery({
    enabled: id !== '',
    queryKey: ['resource', id],
    queryFn: ({ signal }) => ask<Resource>(`/api/resources/${id}`, { signal }),
    staleTime: fresh ? 5_000 : 5 * 60_000,
  });
}
