// The rooms that somebody marked, kept on this device for each person. The server knows nothing of them.
import { useCallback, useSyncExternalStore } from 'react';

const kept_max = 200;
const listeners = new Set<() => void>();
let cached: { name: string; text: string | null; ids: ReadonlySet<string> } = { name: '', text: null, ids: new Set() };

function read(name: string): ReadonlySet<string> {
  let text: string | null = null;
  try {
    text = localStorage.getItem(name);
  } catch {
    // Without storage there are none.
  }
  if (cached.name !== name || cached.text !== text) {
    let ids: unknown = [];
    try {
      ids = JSON.parse(text ?? '[]');
    } catch {
      // What is not ours to read is as good as nothing.
    }
    cached = { name, text, ids: new Set(Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []) };
  }
  return cached.ids;
}

export function useFavourites(person: string) {
  const name = `slotwise-favourites-${person}`;
  const ids = useSyncExternalStore(
    useCallback((listener) => {
      listeners.add(listener);
      window.addEventListener('storage', listener);
      return () => {
        listeners.delete(listener);
        window.removeEventListener('storage', listener);
      };
    }, []),
    () => read(name),
  );
  const toggle = useCallback(
    (id: string) => {
      const old = read(name);
      const next = old.has(id) ? [...old].filter((one) => one !== id) : [...old, id].slice(-kept_max);
      try {
        localStorage.setItem(name, JSON.stringify(next));
      } catch {
        // It cannot be kept; the star stays as it was.
      }
      for (const listener of listeners) listener();
    },
    [name],
  );
  return { ids, toggle };
}
