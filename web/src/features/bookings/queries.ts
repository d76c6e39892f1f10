// Reads one's own bookings: those that are not over, those that are, one, and the dates of a series.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { Booking, Page, Series } from '../../api/types';
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

const day_ms = 86_400_000;
/** The server lists by start, the oldest first: what is over is read in stretches, each turned round. */
const stretches_days = [0, 30, 120, 365, 1_095];
const pages_max = 20;

/** The latest first. */
export function usePastBookings(enabled: boolean) {
  return useInfiniteQuery({
    enabled,
    queryKey: ['bookings', 'past'],
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }) => {
      const now = serverNow();
      const [to, from] = [stretches_days[pageParam]!, stretches_days[pageParam + 1]!].map((days) => new Date(now - days * day_ms).toISOString());
      const items: Booking[] = [];
      let after: string | null = null;
      for (let page = 0; page < pages_max; page += 1) {
        const params: URLSearchParams = new URLSearchParams({ owner: 'me', from: from!, to: to!, limit: '200' });
        if (after) params.set('after', after);
        const answer: Page<Booking> = await ask<Page<Booking>>(`/api/bookings?${params}`, { signal });
        items.push(...answer.items);
        after = answer.next;
        if (after === null) break;
      }
      const over = items.filter((one) => one.lines.every((line) => Date.parse(line.end) <= now));
      return { stretch: pageParam, items: over.toReversed() };
    },
    getNextPageParam: (last) => (last.stretch + 2 < stretches_days.length ? last.stretch + 1 : null),
    staleTime: 60_000,
  });
}

/** null: there is none to read. */
export function useBooking(id: string | null) {
  return useQuery({
    enabled: id !== null,
    queryKey: ['bookings', id],
    queryFn: ({ signal }) => ask<Booking>(`/api/bookings/${id}`, { signal }),
    staleTime: 15_000,
  });
}

export function useSeries(id: string | null) {
  return useQuery({
    enabled: id !== null,
    queryKey: ['series', id],
    queryFn: ({ signal }) => ask<Series>(`/api/series/${id}`, { signal }),
    staleTime: 15_000,
  });
}
