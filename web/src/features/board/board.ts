// What the board shows, made from what the server told: seconds in a row, sums, and round ends of scales. Pure.
import { civilDate } from '../../lib/zoned';
import type { Board, BoardSecond, Crowd, CrowdState, ScheduleItem } from '../../api/types';

export const shown_s = 60;
const kept_max = 120;
const hour_ms = 3_600_000;

/** What is stacked, from the ground up. */
export const groups = ['accepted', 'rejected', 'failed', 'other'] as const;
export type Group = (typeof groups)[number];

const group_of: Record<string, Group> = { BOOKED: 'accepted', ACCEPTED: 'accepted', REJECTED: 'rejected', FAILED: 'failed' };

export interface Column {
  /** The beginning of its second, in milliseconds. */
  at: number;
  sums: Record<Group, number>;
  total: number;
  second: BoardSecond | null;
}

/** What was read and what was heard since, each second once, oldest first. */
export function joinSeconds(read: BoardSecond[], heard: BoardSecond[]): BoardSecond[] {
  const all = new Map([...read, ...heard].map((second) => [second.at, second]));
  return [...all.values()].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).slice(-kept_max);
}

/** A minute of seconds without gaps; the last one is over at `until`. */
export function columns(seconds: BoardSecond[], until: number): Column[] {
  const known = new Map(seconds.map((second) => [Date.parse(second.at), second]));
  const end = Math.floor(until / 1000) * 1000;
  return Array.from({ length: shown_s }, (_, n) => {
    const at = end - (shown_s - n) * 1000;
    const second = known.get(at) ?? null;
    const sums = { accepted: 0, rejected: 0, failed: 0, other: 0 };
    for (const { outcome, count } of second?.counts ?? []) sums[group_of[outcome] ?? 'other'] += count;
    return { at, sums, total: groups.reduce((so_far, group) => so_far + sums[group], 0), second };
  });
}

export function sum(all: Column[]): Record<Group, number> {
  const total = { accepted: 0, rejected: 0, failed: 0, other: 0 };
  for (const { sums } of all) for (const group of groups) total[group] += sums[group];
  return total;
}

/** The next of 1, 2, 5, 10, 20, … that is not below the value: scales do not jump with each second. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * ten >= value) ?? 10) * ten;
}

const stages: CrowdState[] = ['gathering', 'running', 'cancelling', 'stopped', 'done'];

/** Messages and answers may overtake each other: the one that is further on. */
export function furtherOn(one: Crowd | null, other: Crowd | null): Crowd | null {
  if (!one || !other) return one ?? other;
  if (one.id !== other.id) return one.began_at > other.began_at ? one : other;
  const [a, b] = [one, other].map((crowd) => stages.indexOf(crowd.state) * 1e9 + crowd.gathered + crowd.answered);
  return a! >= b! ? one : other;
}

export function isOnItsWay(crowd: Crowd | null): boolean {
  return crowd !== null && crowd.state !== 'done' && crowd.state !== 'stopped';
}

/**
 * The first whole hour from `now` on that nothing takes time of; the last that was looked at if there is none. It begins and
 * ends on the same day in the zone, as the form asks for one day: whoever wants the hour before midnight chooses it.
 */
export function firstFreeHour(items: Pick<ScheduleItem, 'start' | 'end'>[], now: number, hours_max: number, zone: string): number {
  const taken = items.map((item) => [Date.parse(item.start), Date.parse(item.end)] as const);
  let start = Math.ceil(now / hour_ms) * hour_ms;
  for (let hour = 1; hour < hours_max; hour += 1, start += hour_ms) {
    const end = start + hour_ms;
    if (civilDate(start, zone) === civilDate(end, zone) && !taken.some(([from, to]) => from < end && to > start)) return start;
  }
  return start;
}

export const crowdOf = (board: Board | undefined | null) => (board?.crowd ?? null) as Crowd | null;
