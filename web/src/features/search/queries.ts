// Reads search results and facets. Results are read again only when asked for: nothing may move under the pointer.
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import type { Facets, SearchItem, SearchPage } from '../../api/types';
import { ask } from '../../lib/http';
import { isOrdered, searchQuery, type Filters } from './filters';

const pages_max = 10;

export function useSearch(filters: Filters, favourites: ReadonlySet<string>) {
  const query = searchQuery(filters).toString();
  const result = useInfiniteQuery({
    queryKey: ['search', query],
    enabled: isOrdered(filters),
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask<SearchPage>(`/api/search?${query}${pageParam ? `&after=${encodeURIComponent(pageParam)}` : ''}`, { signal }),
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnReconnect: false,
    refetchOnWindowFocus: false,
    refetchOnMount: 'always',
  });
  const pages = result.data?.pages;
  const all = useMemo(() => dropRepeats(pages), [pages]);
  const marked = filters.favourites ? favourites : null;
  const items = useMemo(() => (marked ? all.filter((item) => marked.has(item.resource.id)) : all), [all, marked]);
  const first = pages?.[0];
  // What is marked may stand on any page.
  const { hasNextPage, isFetching, fetchNextPage } = result;
  const readOn = marked !== null && hasNextPage && !isFetching && (pages?.length ?? 0) < pages_max;
  useEffect(() => {
    if (readOn) void fetchNextPage();
  }, [readOn, fetchNextPage]);
  const total = marked ? items.length : (first?.total ?? 0);
  const totalFree = marked ? items.filter((item) => item.free).length : (first?.total_free ?? 0);
  return { ...result, hasNextPage: marked === null && hasNextPage, items, total, totalFree, facets: first?.facets, asOf: pages?.at(-1)?.as_of ?? null };
}

export function useFacets() {
  return useQuery({
    queryKey: ['facets'],
    queryFn: ({ signal }) => ask<Facets>('/api/facets', { signal }),
    staleTime: 5 * 60_000,
  });
}

/** Pages are read one after the other; a room that changed its rank between them may come twice. */
function dropRepeats(pages: SearchPage[] | undefined): SearchItem[] {
  const items = new Map<string, SearchItem>();
  for (const item of pages?.flatMap((page) => page.items) ?? []) {
    if (!items.has(item.resource.id)) items.set(item.resource.id, item);
  }
  return [...items.values()];
}
