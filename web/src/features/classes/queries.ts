// Reads the classes of one day, and what the address bar says of which day and which of them.
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Class, Page } from '../../api/types';
import { ask } from '../../lib/http';
import { useFollow } from '../live/useFollow';

export interface ClassFilters {
  day: string;
  text: string;
  free: boolean;
  mine: boolean;
}

export function readClassFilters(params: URLSearchParams, today: string): ClassFilters {
  const day = params.get('day') ?? '';
  return {
    day: /^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(Date.parse(day)) ? day : today,
    text: params.get('q') ?? '',
    free: params.get('free') === '1',
    mine: params.get('mine') === '1',
  };
}

export function useClasses({ day, text, free, mine }: ClassFilters) {
  const query = useInfiniteQuery({
    queryKey: ['classes', day, text.trim(), free, mine],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ day, limit: '100' });
      if (text.trim()) params.set('q', text.trim());
      if (free) params.set('free', 'true');
      if (mine) params.set('mine', 'true');
      if (pageParam) params.set('after', pageParam);
      return ask<Page<Class>>(`/api/classes?${params}`, { signal });
    },
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
    staleTime: 15_000,
  });
  const pages = query.data?.pages;
  const items = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  useFollow(items, () => void query.refetch());
  return { ...query, items };
}
