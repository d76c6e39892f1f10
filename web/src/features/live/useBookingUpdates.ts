// The live side of the cards on screen: subscribes to their resources, keeps what was heard since their search answer,
// and folds it into marks. Cards change in place; they are never moved or removed from here.
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { Accepted, SearchItem, Version } from '../../api/types';
import { serverNow } from '../../lib/serverClock';
import { useLatest } from '../../lib/useLatest';
import type { Connection } from './liveClient';
import { useLiveClient } from './LiveProvider';
import { foldCard, type LiveEvent, type Marked } from './marks';

export interface BookingUpdates {
  connection: Connection;
  /** What has become of each card since its answer, by resource. */
  marks: Map<string, Marked>;
  /** How many changes by others a refresh would take in. */
  changes: number;
  /** Takes in the person's own accepted booking without waiting for the socket. */
  noteOwn: (answer: Accepted) => void;
}

interface Searched {
  items: SearchItem[];
  /** Called when what was missed cannot be told any more. */
  onResync: () => void;
}

const logged_max = 200;

export function useBookingUpdates({ items, onResync }: Searched): BookingUpdates {
  const client = useLiveClient();
  const connection = useSyncExternalStore(client.watchConnection, client.getConnection);
  const [log, setLog] = useState<ReadonlyMap<string, readonly LiveEvent[]>>(new Map());
  const [now, setNow] = useState(serverNow);
  const resync = useLatest(onResync);

  useEffect(() => {
    client.want(new Map(items.map((item) => [item.resource.id, { epoch: item.epoch, version: item.version }])));
  }, [client, items]);

  // Leaving the screen ends every subscription.
  useEffect(() => () => client.want(new Map()), [client]);

  const append = useCallback((event: LiveEvent) => {
    setLog((old) => new Map(old).set(event.resource, [...(old.get(event.resource) ?? []), event].slice(-logged_max)));
    setNow(serverNow());
  }, []);

  useEffect(() => client.listen({ event: append, resync: () => resync.current() }), [client, append, resync]);

  // A hold ends by the clock even if the message about it is late.
  const nextExpiry = useMemo(() => firstExpiry(log, now), [log, now]);
  useEffect(() => {
    if (nextExpiry === null) return;
    const timer = setTimeout(() => setNow(serverNow()), Math.max(50, nextExpiry - serverNow() + 50));
    return () => clearTimeout(timer);
  }, [nextExpiry]);

  const marks = useMemo(() => {
    const folded = new Map<string, Marked>();
    for (const item of items) {
      const { id, capacity } = item.resource;
      const events = log.get(id);
      if (!events) continue;
      const interval = { start: Date.parse(item.start), end: Date.parse(item.end) };
      folded.set(id, foldCard({ ...item, ...interval, capacity }, events, now));
    }
    return folded;
  }, [items, log, now]);

  const noteOwn = useCallback(
    (answer: Accepted) => {
      const { booking } = answer;
      if (!booking) return;
      for (const line of booking.lines) {
        const version = answer.versions.find((one) => one.resource === line.resource);
        if (version) append(ownEvent(answer, booking, line, version));
      }
    },
    [append],
  );

  const changes = useMemo(() => [...marks.values()].reduce((sum, marked) => sum + marked.changes, 0), [marks]);
  return { connection, marks, changes, noteOwn };
}

function ownEvent(
  answer: Accepted,
  booking: NonNullable<Accepted['booking']>,
  line: { resource: string; start: string; end: string; units: number },
  { epoch, version }: Version,
): LiveEvent {
  return {
    name: booking.state === 'cancelled' ? 'bookingCanceled' : 'bookingCreated',
    resource: line.resource,
    epoch,
    version,
    part: 1,
    parts: 1,
    attempt: answer.attempt,
    decided_at: answer.decided_at,
    as_of: answer.decided_at,
    booking: { id: booking.id, state: booking.state, start: line.start, end: line.end, units: line.units, owner: null, mine: true },
  };
}

function firstExpiry(log: ReadonlyMap<string, readonly LiveEvent[]>, now: number): number | null {
  let first: number | null = null;
  for (const events of log.values()) {
    for (const event of events) {
      if (!('hold' in event) || !('expires_at' in event.hold)) continue;
      const at = Date.parse(event.hold.expires_at);
      if (at > now && (first === null || at < first)) first = at;
    }
  }
  return first;
}
