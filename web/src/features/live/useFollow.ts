// Keeps a list true that the server orders by something that stays: whenever something in it changes it is read again, at most
// once in a while, and drawn in place. For lists whose order would change under the pointer there is useBookingUpdates.
import { useEffect, useMemo } from 'react';
import type { Version } from '../../api/types';
import { useLatest } from '../../lib/useLatest';
import { useLiveClient } from './LiveProvider';

const pause_ms = 700;

export function useFollow(items: ({ id: string } & Version)[], readAgain: () => void): void {
  const client = useLiveClient();
  const read = useLatest(readAgain);
  const wanted = useMemo(() => new Map(items.map(({ id, epoch, version }) => [id, { epoch, version }])), [items]);

  const known = useLatest(wanted);

  useEffect(() => client.want(wanted), [client, wanted]);
  useEffect(() => () => client.want(new Map()), [client]);

  useEffect(() => {
    const soon = atMostEvery(pause_ms, () => read.current());
    const stop = client.listen({ event: (event) => void (known.current.has(event.resource) && soon.call()), resync: soon.call });
    return () => {
      stop();
      soon.forget();
    };
  }, [client, known, read]);
}

/** Calls late rather than often: once after the first of several wishes. */
function atMostEvery(pause: number, what: () => void): { call: () => void; forget: () => void } {
  let due: ReturnType<typeof setTimeout> | undefined;
  return {
    call: () => {
      due ??= setTimeout(() => {
        due = undefined;
        what();
      }, pause);
    },
    forget: () => clearTimeout(due),
  };
}
