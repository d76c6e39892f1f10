// Signing in and out. Whoever signs in starts with nothing of the one before.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Me } from '../../api/types';
import { ask, keepApiKey } from '../../lib/http';

export function useDemoSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (person: string) => ask<Me>('/api/demo/sign-in', { method: 'POST', body: { person } }),
    onSuccess: (me) => {
      keepApiKey(null);
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
      queries.setQueryData(['me'], me);
    },
  });
}

export function useKeySignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (key: string) => {
      keepApiKey(key);
      try {
        return await ask<Me>('/api/me');
      } catch (cause) {
        keepApiKey(null);
        throw cause;
      }
    },
    onSuccess: (me) => queries.setQueryData(['me'], me),
  });
}

export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (me: Me) => {
      keepApiKey(null);
      if (me.demo) await ask<void>('/api/demo/sign-out', { method: 'POST' });
    },
    onSuccess: () => {
      queries.setQueryData(['me'], null);
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
    },
  });
}
