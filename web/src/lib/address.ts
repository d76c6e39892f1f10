// The query of the address bar as the router keeps it: words under names, a name with several words as a list.
// Never guesses types: what a word means is for the screen to say.
import { useLocation } from '@tanstack/react-router';
import { useMemo } from 'react';

export type Search = Record<string, string | string[]>;

/** "?a=1&b=2&b=3" → { a: '1', b: ['2', '3'] } */
export function parseSearch(text: string): Search {
  const search: Search = {};
  for (const name of new Set(new URLSearchParams(text).keys())) {
    const words = new URLSearchParams(text).getAll(name);
    search[name] = words.length > 1 ? words : words[0]!;
  }
  return search;
}

/** { a: '1', b: ['2', '3'] } → "?a=1&b=2&b=3" */
export function stringifySearch(search: Record<string, unknown>): string {
  const text = toParams(search).toString();
  return text ? `?${text}` : '';
}

export function toParams(search: Record<string, unknown>): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, words] of Object.entries(search)) {
    for (const word of Array.isArray(words) ? words : [words]) {
      if (word !== undefined && word !== null && word !== '') params.append(name, String(word));
    }
  }
  return params;
}

export function toSearch(params: URLSearchParams): Search {
  return parseSearch(params.toString());
}

/** The query of the address that is open. */
export function useParamsOfAddress(): URLSearchParams {
  const text = useLocation({ select: (location) => location.searchStr });
  return useMemo(() => new URLSearchParams(text), [text]);
}
