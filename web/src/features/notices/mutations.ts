// Says how far one has read.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ask } from '../../lib/http';

export function useReadNotices() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (until: string) => ask<void>('/api/notices/read', { method: 'POST', body: { until } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['notices'] }),
  });
}
