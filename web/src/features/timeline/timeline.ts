// What the timeline shows, cell by cell: columns of time, the state of each cell, runs of equal cells, how full.
// Pure: it draws nothing, asks nobody, and reads no clock.
import type { TimelineItem, TimelineRow } from '../../api/types';
import { addDays, civilTime, zoneOffset } from '../../lib/zoned';

export const cellStates = ['free', 'mine', 'holding', 'held', 'booked', 'pending', 'blocked', 'closed', 'past'] as const;
export type CellState = (typeof cellStates)[number];

/** One step of time. Instants in milliseconds. */
export interface Column {
  start: number;
  end: number;
  /** Which of the days shown, from 0. */
  day: number;
  /** "10:30" on the axis. */
  clock: string;
}

export interface Axis {
  date: string;
  days: number;
  zone: string;
  step_min: number;
  /** Only from 7 to 21 o'clock, or round the clock. */
  hours: 'work' | 'all';
}

export interface Cell {
  state: CellState;
  /** What stands there, if one thing does. */
  item: TimelineItem | null;
}

const minute_ms = 60_000;
const work_from = '07:00';
const work_to = '21:00';

/** Midnight of a civil day, for drawing. Where midnight does not exist it is the first instant of the day, or an hour from it. */
export function midnight(date: string, zone: string): number {
  const civil = Date.parse(`${date}T00:00:00Z`);
  const guess = civil - zoneOffset(civil, zone);
  return civil - zoneOffset(guess, zone);
}

/** The stretch of all columns, whatever hours are left out. */
export function stretch({ date, days, zone }: Axis): { from: number; to: number } {
  return { from: midnight(date, zone), to: midnight(addDays(date, days), zone) };
}

/** A day has as many columns as it has steps: 23 or 25 hours of them where the clock changes. */
export function columnsOf(axis: Axis): Column[] {
  const { date, days, zone, step_min, hours } = axis;
  const columns: Column[] = [];
  for (let day = 0; day < days; day += 1) {
    const until = midnight(addDays(date, day + 1), zone);
    for (let start = midnight(addDays(date, day), zone); start < until; start += step_min * minute_ms) {
      const clock = civilTime(start, zone);
      if (hours === 'work' && (clock < work_from || clock >= work_to)) continue;
      columns.push({ start, end: Math.min(start + step_min * minute_ms, until), day, clock });
    }
  }
  return columns;
}

/** The state of each column. Of what has more units than one it says only when it cannot be had, and what is one's own. */
export function cellsOf(row: TimelineRow, columns: Column[], now: number): Cell[] {
  const items = row.items
    .filter(({ expires_at }) => !expires_at || Date.parse(expires_at) > now)
    .map((item) => ({ item, from: Date.parse(item.taken_from), until: Date.parse(item.taken_until), state: stateOf(item) }))
    .toSorted((a, b) => ranks[a.state] - ranks[b.state]);
  const open = row.open?.map(({ start, end }) => [Date.parse(start), Date.parse(end)] as const) ?? null;
  return columns.map(({ start, end }) => {
    const found = items.find(({ from, until }) => from < end && until > start);
    if (end <= now) return { state: 'past', item: found?.item ?? null };
    if (found) return { state: found.state, item: found.item };
    const within = open === null || open.some(([from, until]) => from <= start && until >= end) || covered(open, start, end);
    return { state: within && !row.closed ? 'free' : 'closed', item: null };
  });
}

/** Two windows that touch are one. */
function covered(open: (readonly [number, number])[], start: number, end: number): boolean {
  let reached = start;
  for (const [from, until] of open.toSorted((a, b) => a[0] - b[0])) if (from <= reached && until > reached) reached = until;
  return reached >= end;
}

/** Where several stand in one cell, the first of these is told. */
const ranks: Record<CellState, number> = { blocked: 0, mine: 1, holding: 2, pending: 3, booked: 4, held: 5, closed: 6, past: 7, free: 8 };

function stateOf({ kind, state, mine }: TimelineItem): CellState {
  if (kind === 'block') return 'blocked';
  if (kind === 'hold') return mine ? 'holding' : 'held';
  if (state === 'pending') return 'pending';
  return mine ? 'mine' : 'booked';
}

/** Where cells that say the same begin, and how many they are; a day's end ends them too. */
export function runsOf(cells: Cell[], columns: Column[]): Map<number, number> {
  const runs = new Map<number, number>();
  let first = 0;
  for (let at = 1; at <= cells.length; at += 1) {
    if (at < cells.length && joins(cells[at - 1]!, cells[at]!) && joined(columns, at - 1, at)) continue;
    runs.set(first, at - first);
    first = at;
  }
  return runs;
}

function joins(a: Cell, b: Cell): boolean {
  return a.state === b.state && a.item === b.item;
}

/** Whether one column goes on where the other ends. */
export function joined(columns: Column[], a: number, b: number): boolean {
  return columns[a]!.end === columns[b]!.start;
}

/** How far a choice that began at one cell may go towards another: over free cells, without a gap in time. */
export function reach(cells: Cell[], columns: Column[], from: number, to: number): number {
  const step = to < from ? -1 : 1;
  let at = from;
  while (at !== to) {
    const next = at + step;
    if (cells[next]?.state !== 'free' || !joined(columns, Math.min(at, next), Math.max(at, next))) break;
    at = next;
  }
  return at;
}

export interface Place {
  row: number;
  col: number;
}

export interface Bounds {
  rows: number;
  columns: Column[];
}

/** Where a key leads. Another day than those shown is said as a shift in days; null is no key of the grid. */
export function nextPlace({ row, col }: Place, key: string, ctrl: boolean, { rows, columns }: Bounds): (Place & { days?: number }) | null {
  const last = columns.length - 1;
  switch (key) {
    case 'ArrowLeft':
      return { row, col: clamp(col - 1, last) };
    case 'ArrowRight':
      return { row, col: clamp(col + 1, last) };
    case 'ArrowUp':
      return { row: clamp(row - 1, rows - 1), col };
    case 'ArrowDown':
      return { row: clamp(row + 1, rows - 1), col };
    case 'Home':
      return { row: ctrl ? 0 : row, col: 0 };
    case 'End':
      return { row: ctrl ? rows - 1 : row, col: last };
    case 'PageUp':
    case 'PageDown':
      return otherDay({ row, col }, key === 'PageUp' ? -1 : 1, columns);
    default:
      return null;
  }
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(most, value));
}

/** The same time of day, a day on. */
function otherDay({ row, col }: Place, by: -1 | 1, columns: Column[]): Place & { days?: number } {
  const here = columns[col]!;
  const there = columns.findIndex(({ day, clock }) => day === here.day + by && clock >= here.clock);
  return there < 0 ? { row, col, days: by } : { row, col: there };
}

/** How full what has several units is in a column: at its fullest instant. */
export interface Heat {
  used: number;
  capacity: number | null;
  waiting: number;
  /** 0 (empty) to 5 (full). */
  step: number;
}

export function heatOf(row: TimelineRow, { start, end }: { start: number; end: number }): Heat {
  const { capacity } = row.resource;
  let used = 0;
  let waiting = 0;
  for (const level of row.levels) {
    if (Date.parse(level.start) >= end || Date.parse(level.end) <= start) continue;
    used = Math.max(used, level.used);
    waiting = Math.max(waiting, level.waiting);
  }
  return { used, capacity, waiting, step: heatStep(used, capacity) };
}

/** Five steps of one hue; full is the last, and nothing else is. */
export function heatStep(used: number, capacity: number | null): number {
  if (capacity === null || used === 0) return 0;
  if (used >= capacity) return 5;
  return Math.min(4, Math.ceil((used / capacity) * 4));
}

/** Of a stretch that can be booked, how much is taken: for what one alone can have. 0 to 1; null where it is never open. */
export function shareTaken(cells: Cell[]): number | null {
  const taken = cells.filter(({ state }) => ['mine', 'holding', 'held', 'booked', 'pending', 'blocked'].includes(state)).length;
  const open = taken + cells.filter(({ state }) => state === 'free').length;
  return open === 0 ? null : taken / open;
}

export function isShared({ resource }: TimelineRow): boolean {
  return resource.capacity !== 1;
}

/** What of a long list of equal parts is in sight, with some more on both sides. */
export function inSight(offset: number, length: number, size: number, count: number, more: number): { from: number; to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(offset / size) - more));
  return { from, to: Math.min(count, Math.max(from, Math.ceil((offset + length) / size) + more)) };
}
