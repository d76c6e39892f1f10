// Reads search results and facets. Results are read again only when asked for: nothing may move under the pointer.
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Facets, SearchItem, SearchPage } from '../../api/types';
import { ask } from '../../lib/http';
import { isOrdered, searchQuery, type Filters } from './filters';

export function useSearch(filters: Filters) {
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
  const items = useMemo(() => dropRepeats(pages), [pages]);
  const first = pages?.[0];
  return { ...result, items, total: first?.total ?? 0, totalFree: first?.total_free ?? 0, facets: first?.facets, asOf: pages?.at(-1)?.as_of ?? null };
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
