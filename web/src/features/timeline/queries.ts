// Reads the rows in sight, fifty at a time, and keeps them true: what is heard is folded in place, what cannot be folded is read
// again, row by row. No row changes its place.
import { keepPreviousData, useQueries, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { Timeline, TimelineRow } from '../../api/types';
import { ask } from '../../lib/http';
import { serverNow } from '../../lib/serverClock';
import { useLatest } from '../../lib/useLatest';
import { useLiveClient } from '../live/LiveProvider';
import type { LiveEvent } from '../live/marks';
import { compareVersions } from '../live/versions';
import { foldRow } from './fold';

export const page_rows = 50;
/** What changes within this time is read again with one request. */
const gather_ms = 250;
const rows_at_once = 50;

export interface Wanted {
  kind: string;
  people: number | null;
  equipment: string[];
  buildings: string[];
  text: string;
  from: number;
  to: number;
}

function paramsOf({ kind, people, equipment, buildings, text, from, to }: Wanted): URLSearchParams {
  const params = new URLSearchParams({ kind, ...windowOf(from, to), limit: String(page_rows) });
  if (people) params.set('seats_min', String(people));
  if (equipment.length > 0) params.set('equipment', equipment.join(','));
  for (const building of buildings) params.append('building', building);
  if (text.trim()) params.set('q', text.trim());
  return params;
}

const windowOf = (from: number, to: number) => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });

/** The rows of the pages that hold the rows from `first` to `last`. */
export function useTimeline(wanted: Wanted, first: number, last: number) {
  const client = useLiveClient();
  const cache = useQueryClient();
  const connection = useSyncExternalStore(client.watchConnection, client.getConnection);
  const query = paramsOf(wanted).toString();
  const pages: number[] = [];
  for (let page = Math.floor(first / page_rows); page <= Math.floor(Math.max(first, last - 1) / page_rows); page += 1) pages.push(page);

  const results = useQueries({
    queries: pages.map((page) => ({
      queryKey: ['timeline', query, page],
      queryFn: ({ signal }: { signal: AbortSignal }) => ask<Timeline>(`/api/timeline?${query}&offset=${page * page_rows}`, { signal }),
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      placeholderData: keepPreviousData,
    })),
  });

  const answers = results.map(({ data, isPlaceholderData }) => (isPlaceholderData ? undefined : data));
  const rows = useMemo(() => {
    const found = new Map<number, TimelineRow>();
    answers.forEach((answer, at) => answer?.rows.forEach((row, index) => found.set(pages[at]! * page_rows + index, row)));
    return found;
    // oxlint-disable-next-line react/exhaustive-deps -- the answers are what changes
  }, answers);
  // Another day has the same rows most of the time: the grid stays, and the focus in it, until the answer comes.
  const lastTotal = useRef<number | null>(null);
  const total = results.find(({ data }) => data)?.data?.total ?? lastTotal.current;
  useEffect(() => {
    lastTotal.current = total;
  }, [total]);
  const as_of = answers.find((answer) => answer)?.as_of ?? null;

  const refresh = useRowsAgain(query, wanted);
  const hear = useLatest((event: LiveEvent) => {
    const known = [...rows.values()].some((row) => row.resource.id === event.resource);
    if (!known) return;
    let again = false;
    cache.setQueriesData<Timeline>({ queryKey: ['timeline', query] }, (old) => {
      const at = old?.rows.findIndex((row) => row.resource.id === event.resource) ?? -1;
      if (!old || at < 0) return old;
      const folded = foldRow(old.rows[at]!, event);
      if (!folded) again = true;
      return folded && folded !== old.rows[at] ? { ...old, rows: old.rows.with(at, folded) } : old;
    });
    if (again) refresh([event.resource]);
  });
  useEffect(
    () => client.listen({ event: (event) => hear.current(event), resync: refresh }),
    [client, hear, refresh],
  );
  useEffect(() => {
    client.want(new Map([...rows.values()].map(({ resource, epoch, version }) => [resource.id, { epoch, version }])));
  }, [client, rows]);
  useEffect(() => () => client.want(new Map()), [client]);

  return {
    rows,
    total,
    as_of,
    live: connection.state === 'live',
    pending: results.some(({ isPending }) => isPending) && rows.size === 0,
    error: results.find(({ isError }) => isError)?.error ?? null,
    retry: () => results.forEach((one) => void one.refetch()),
    refresh,
  };
}

/** Reads single rows anew, those of a moment together. */
function useRowsAgain(query: string, { from, to }: Wanted): (ids: string[]) => void {
  const cache = useQueryClient();
  const read = useLatest(async (ids: string[]) => {
    const params = new URLSearchParams(windowOf(from, to));
    for (const id of ids) params.append('resource', id);
    // What cannot be read now is read with the next change, or by hand.
    const answer = await ask<Timeline>(`/api/timeline?${params}`).catch(() => null);
    if (!answer) return;
    const fresh = new Map(answer.rows.map((row) => [row.resource.id, row]));
    cache.setQueriesData<Timeline>({ queryKey: ['timeline', query] }, (old) => {
      if (!old) return old;
      const rows = old.rows.map((row) => {
        const next = fresh.get(row.resource.id);
        return next && compareVersions(next, row) >= 0 ? next : row;
      });
      return { ...old, rows, as_of: answer.as_of };
    });
  });
  const [gathering] = useState(() => new Gathering((ids) => void read.current(ids)));
  useEffect(() => () => gathering.stop(), [gathering]);
  return gathering.add;
}

/** Ids of a moment, told together and not too many at once. */
class Gathering {
  readonly #due = new Set<string>();
  readonly #tell: (ids: string[]) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (ids: string[]) => void) {
    this.#tell = tell;
  }

  readonly add = (ids: string[]): void => {
    for (const id of ids) this.#due.add(id);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const some = [...this.#due].slice(0, rows_at_once);
      for (const id of some) this.#due.delete(id);
      if (this.#due.size > 0) this.add([]);
      this.#tell(some);
    }, gather_ms);
  };

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** The server's clock, often enough: each second while something runs out, else each quarter of a minute. */
export function useNow(soon: boolean): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), soon ? 1_000 : 15_000);
    return () => clearInterval(timer);
  }, [soon]);
  return now;
}
