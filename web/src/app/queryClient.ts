// How reading behaves: a read may be repeated when no answer came, a refusal is an answer.
import { QueryCache, QueryClient } from '@tanstack/react-query';
import { LostAnswer, Problem } from '../lib/http';

const retries_max = 2;

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (cause, query) => {
      // The session has ended somewhere else; the entrance finds out and shows the sign-in.
      if (cause instanceof Problem && cause.status === 401 && query.queryKey[0] !== 'me') {
        void queries.invalidateQueries({ queryKey: ['me'] });
      }
    },
  }),
  defaultOptions: {
    queries: { retry: (count, cause) => cause instanceof LostAnswer && count < retries_max, retryDelay: 800 },
    mutations: { retry: false },
  },
});
