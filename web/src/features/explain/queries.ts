// Reads from the record why an attempt ended as it did.
import { useQuery } from '@tanstack/react-query';
import type { Explanation } from '../../api/types';
import { ask } from '../../lib/http';

export function useExplanation(attempt: string, enabled: boolean) {
  return useQuery({
    enabled,
    queryKey: ['explanation', attempt],
    // The past does not change; what is free now is told beside it, and asked for anew.
    staleTime: Infinity,
    queryFn: ({ signal }) => ask<Explanation>(`/api/attempts/${encodeURIComponent(attempt)}/explain`, { signal }),
  });
}
