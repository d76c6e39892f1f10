// Reads one's own bookings that are not over.
import { useInfiniteQuery } from '@tanstack/react-query';
import type { Booking, Page } from '../../api/types';
import { ask } from '../../lib/http';
import { serverNow } from '../../lib/serverClock';

export function useMyBookings() {
  return useInfiniteQuery({
    queryKey: ['bookings', 'mine'],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ owner: 'me', from: new Date(serverNow()).toISOString() });
      if (pageParam) params.set('after', pageParam);
      return ask<Page<Booking>>(`/api/bookings?${params}`, { signal });
    },
    getNextPageParam: (last) => last.next,
    staleTime: 30_000,
  });
}
