// Reads what others did to one's bookings, the newest first.
import { useInfiniteQuery } from '@tanstack/react-query';
import type { Notices } from '../../api/types';
import { ask } from '../../lib/http';

const page_size = 20;

export function useNotices() {
  return useInfiniteQuery({
    queryKey: ['notices'],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ limit: String(page_size) });
      if (pageParam) params.set('after', pageParam);
      return ask<Notices>(`/api/notices?${params}`, { signal });
    },
    getNextPageParam: (last) => last.next,
    staleTime: 30_000,
    refetchInterval: 60_000,
  });
}
