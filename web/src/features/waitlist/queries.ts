// Reads one's own places in line, and those of them that still count for something.
import { useQuery } from '@tanstack/react-query';
import type { Entry, Page } from '../../api/types';
import { ask } from '../../lib/http';

export function useMyEntries() {
  return useQuery({
    queryKey: ['waitlist', 'mine'],
    queryFn: ({ signal }) => ask<Page<Entry>>('/api/waitlist?owner=me', { signal }),
    staleTime: 15_000,
  });
}

export function isOpen(entry: Entry): boolean {
  return entry.state === 'waiting' || entry.state === 'offered';
}
