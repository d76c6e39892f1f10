// What is searched for, and how it is written in the address bar. Reads anything, trusts nothing.
import { civilDate, nextWorkingDay } from '../../lib/zoned';

export interface Filters {
  date: string;
  from: string;
  to: string;
  people: number | null;
  /** So many minutes, as soon as they are free between `from` and `to`; null for all of that time. */
  length_min: number | null;
  equipment: string[];
  /** Any of them will do. */
  buildings: string[];
  text: string;
  /** Also show what cannot be booked, with the reason. */
  all: boolean;
  /** Only the rooms that one has marked, free or not. */
  favourites: boolean;
  sort: Sort;
}

/** What may be asked for within a longer time, in minutes. */
export const lengths_min = [30, 60, 90, 120, 180] as const;

export const sorts = ['best', 'name', 'seats'] as const;
export type Sort = (typeof sorts)[number];

export function defaultFilters(now: number): Filters {
  return {
    date: nextWorkingDay(civilDate(now)),
    from: '10:00',
    to: '11:00',
    people: null,
    length_min: null,
    equipment: [],
    buildings: [],
    text: '',
    all: false,
    favourites: false,
    sort: 'best',
  };
}

export function readFilters(search: URLSearchParams | string, now: number): Filters {
  const params = new URLSearchParams(search);
  const defaults = defaultFilters(now);
  const people = Number.parseInt(params.get('people') ?? '', 10);
  return {
    date: matching(params.get('date'), isDate) ?? defaults.date,
    from: matching(params.get('from'), isTime) ?? defaults.from,
    to: matching(params.get('to'), isTime) ?? defaults.to,
    people: people > 0 && people < 100_000 ? people : null,
    length_min: lengths_min.find((length) => String(length) === params.get('length')) ?? null,
    equipment: (params.get('equipment') ?? '').split(',').filter(Boolean),
    buildings: params.getAll('building').filter(Boolean),
    text: params.get('q') ?? '',
    all: params.get('all') === '1',
    favourites: params.get('fav') === '1',
    sort: sorts.find((sort) => sort === params.get('sort')) ?? defaults.sort,
  };
}

/** Date and times are always written: a link must mean the same day tomorrow. */
export function writeFilters(filters: Filters, onto: URLSearchParams): URLSearchParams {
  const params = new URLSearchParams(onto);
  const put = (name: string, value: string) => (value ? params.set(name, value) : params.delete(name));
  put('date', filters.date);
  put('from', filters.from);
  put('to', filters.to);
  put('people', filters.people ? String(filters.people) : '');
  put('length', filters.length_min ? String(filters.length_min) : '');
  put('equipment', filters.equipment.join(','));
  params.delete('building');
  for (const building of filters.buildings) params.append('building', building);
  put('q', filters.text);
  put('all', filters.all ? '1' : '');
  put('fav', filters.favourites ? '1' : '');
  put('sort', filters.sort === 'best' ? '' : filters.sort);
  return params;
}

/** The same filters as the API wants them; times without offset are read in each resource's own zone. */
export function searchQuery(filters: Filters): URLSearchParams {
  const { date, from, to } = filters;
  const length = lengthWithin(filters);
  const params = new URLSearchParams({
    ...(length
      ? { from: `${date}T${from}`, to: `${date}T${to}`, duration_min: String(length) }
      : { start: `${date}T${from}`, end: `${date}T${to}` }),
    units: '1',
    kind: 'room',
    // Which are marked is known here only: all pages are read for them.
    limit: filters.favourites ? '200' : '50',
  });
  if (filters.people) params.set('people', String(filters.people));
  if (filters.equipment.length > 0) params.set('equipment', filters.equipment.join(','));
  for (const building of filters.buildings) params.append('building', building);
  if (filters.text.trim()) params.set('q', filters.text.trim());
  if (!filters.all && !filters.favourites) params.set('free', 'true');
  if (filters.sort !== 'best') params.set('sort', filters.sort);
  return params;
}

export function isOrdered(filters: Filters): boolean {
  return filters.from < filters.to;
}

/** The length that is looked for within a longer time; null where all of the time is meant, or the length would not fit in. */
export function lengthWithin({ from, to, length_min }: Filters): number | null {
  return length_min !== null && length_min < minutes(to) - minutes(from) ? length_min : null;
}

/** What choosing a length changes: a time too short for it becomes the usual day, in sight, to be narrowed again. */
export function withLength(filters: Filters, length_min: number | null): Partial<Filters> {
  const fits = length_min === null || lengthWithin({ ...filters, length_min }) !== null;
  return fits ? { length_min } : { length_min, from: '08:00', to: '20:00' };
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

/** How many filters beyond the time are set. */
export function countNarrowing(filters: Filters): number {
  return (
    (filters.people ? 1 : 0) + filters.equipment.length + filters.buildings.length + (filters.text.trim() ? 1 : 0)
  );
}

function matching(value: string | null, accepts: (value: string) => boolean): string | null {
  return value !== null && accepts(value) ? value : null;
}

function isDate(value: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(value) ? new Date(`${value}T00:00:00Z`) : null;
  return at !== null && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value);
}

function isTime(value: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(value);
}
