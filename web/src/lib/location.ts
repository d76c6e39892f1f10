// The address bar as state. What people filter by lives there, so that reload, back and a shared link bring it back.
import { useSyncExternalStore } from 'react';

const changed = 'slotwise:location';

function subscribe(listener: () => void): () => void {
  window.addEventListener('popstate', listener);
  window.addEventListener(changed, listener);
  return () => {
    window.removeEventListener('popstate', listener);
    window.removeEventListener(changed, listener);
  };
}

/** The query string, "?…" or "". */
export function useSearchString(): string {
  return useSyncExternalStore(subscribe, () => window.location.search);
}

/** The path, "/…". */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname);
}

/** Goes to another page of ours, at its top. */
export function visit(path: string): void {
  window.history.pushState(null, '', path);
  window.scrollTo(0, 0);
  window.dispatchEvent(new Event(changed));
}

/** Typing replaces the entry, so that "back" does not have to undo letter by letter. */
export function goTo(params: URLSearchParams, how: 'push' | 'replace' = 'push'): void {
  const text = params.toString();
  const url = text ? `?${text}` : window.location.pathname;
  if (how === 'push') window.history.pushState(null, '', url);
  else window.history.replaceState(null, '', url);
  window.dispatchEvent(new Event(changed));
}
