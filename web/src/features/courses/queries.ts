// Reads the courses of a term and one's own plan, and what registering for it would come to now.
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { CheckedPlan, Courses, Plan, PlanLine } from '../../api/types';
import { ask, Problem } from '../../lib/http';
import { useFollow } from '../live/useFollow';

export interface CourseFilters {
  subject: string;
  text: string;
  open: boolean;
  plan: boolean;
}

export function readCourseFilters(params: URLSearchParams): CourseFilters {
  return { subject: params.get('subject') ?? '', text: params.get('q') ?? '', open: params.get('open') === '1', plan: params.get('show') === 'plan' };
}

export function useCourses({ subject, text, open }: CourseFilters) {
  const query = useInfiniteQuery({
    queryKey: ['courses', subject, text.trim(), open],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const params = new URLSearchParams({ limit: '50' });
      if (subject) params.set('subject', subject);
      if (text.trim()) params.set('q', text.trim());
      if (open) params.set('open', 'true');
      if (pageParam) params.set('after', pageParam);
      return ask<Courses>(`/api/courses?${params}`, { signal });
    },
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
    staleTime: 15_000,
  });
  const pages = query.data?.pages;
  const items = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const sections = useMemo(() => items.flatMap((course) => course.sections), [items]);
  useFollow(sections, () => void query.refetch());
  return { ...query, items, sections, subjects: pages?.[0]?.subjects ?? {} };
}

export function usePlan() {
  return useQuery({ queryKey: ['plan'], queryFn: ({ signal }) => ask<Plan>('/api/plan', { signal }), staleTime: 30_000 });
}

/** Another device may have changed the plan since: then nothing is overwritten, and what is there is read. */
export function useKeepPlan() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ lines, version }: { lines: PlanLine[]; version: number }) =>
      ask<Plan>('/api/plan', { method: 'PUT', body: { lines }, ifMatch: version }),
    onSuccess: (plan) => queries.setQueryData(['plan'], plan),
    onError: (cause) => {
      if (cause instanceof Problem) void queries.invalidateQueries({ queryKey: ['plan'] });
    },
  });
}

const check_again_ms = 20_000;

export function useCheck(lines: PlanLine[]) {
  return useQuery({
    enabled: lines.length > 0,
    queryKey: ['plan-check', JSON.stringify(lines)],
    queryFn: ({ signal }) => ask<CheckedPlan>('/api/plan/check', { method: 'POST', body: { lines }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: check_again_ms,
    staleTime: 5_000,
  });
}
