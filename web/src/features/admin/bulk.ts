// What a table of resources or of closed days comes to: which are made, which are changed and how, which line is wrong and why.
// Nothing is sent from here.
import type { Resource, ResourceEdit, ResourceRequest } from '../../api/types';
import type { Row, Table } from './csv';
import { same } from './edits';
import { readHours } from './hours';

export interface Wrong {
  line: number;
  column: string;
  /** The key of what is wrong with it. */
  what: 'missing' | 'not_a_number' | 'unknown' | 'not_understood' | 'twice' | 'not_a_day';
}

export type Step =
  | { do: 'make'; line: number; name: string; body: ResourceRequest; groupName: string | null }
  | { do: 'change'; line: number; name: string; id: string; policy_version: number; body: ResourceEdit; capacity: number | null | undefined; fields: string[] }
  | { do: 'same'; line: number; name: string };

export interface Plan {
  steps: Step[];
  wrong: Wrong[];
}

const kinds = new Set(['room', 'section', 'session', 'equipment', 'group']);
export const resource_columns = ['kind', 'name', 'zone', 'building', 'seats', 'capacity', 'equipment', 'group', 'start', 'end', 'opening_hours'] as const;

/** A resource is known by its kind and name; groups come first, so that others can join them. */
export function planResources(table: Table, known: Resource[]): Plan {
  const wrong: Wrong[] = [];
  const steps: Step[] = [];
  const byName = new Map(known.map((one) => [`${one.kind} ${one.name}`, one]));
  const groups = new Map(known.filter(({ kind }) => kind === 'group').map((one) => [one.name, one.id]));
  const seen = new Set<string>();
  const newGroups = new Set(table.rows.filter(({ cells }) => cells.kind === 'group').map(({ cells }) => cells.name ?? ''));
  for (const column of table.columns) {
    if (!resource_columns.includes(column as 'kind')) wrong.push({ line: 1, column, what: 'unknown' });
  }
  for (const row of table.rows) {
    const say = (column: string, what: Wrong['what']) => void wrong.push({ line: row.line, column, what });
    const { kind = '', name = '' } = row.cells;
    if (!kinds.has(kind)) say('kind', kind ? 'unknown' : 'missing');
    if (!name) say('name', 'missing');
    const mark = `${kind} ${name}`;
    if (seen.has(mark)) say('name', 'twice');
    seen.add(mark);
    const fields = readFields(row, table.columns, say);
    const groupName = row.cells.group || null;
    if (groupName && !groups.has(groupName) && !newGroups.has(groupName)) say('group', 'unknown');
    const was = byName.get(mark);
    if (!was && !row.cells.zone) say('zone', 'missing');
    if (!was) {
      const { capacity, ...rest } = fields;
      const group = groupName ? groups.get(groupName) : undefined;
      const body = { ...rest, ...(capacity === undefined || kind === 'group' ? {} : { capacity }), kind, name, zone: row.cells.zone ?? '', ...(group ? { group } : {}) } as ResourceRequest;
      steps.push({ do: 'make', line: row.line, name, body, groupName: group ? null : groupName });
      continue;
    }
    steps.push(changeOf(row, was, fields, groupName ? groups.get(groupName) : undefined));
  }
  return { steps: steps.toSorted((a, b) => rank(a) - rank(b)), wrong };
}

function rank(step: Step): number {
  return step.do === 'make' && step.body.kind === 'group' ? 0 : 1;
}

type Fields = Partial<{ building: string | null; seats: number | null; capacity: number | null; equipment: string[]; zone: string; interval: { start: string; end: string }; policy: object }>;

function readFields({ cells }: Row, columns: string[], say: (column: string, what: Wrong['what']) => void): Fields {
  const fields: Fields = {};
  const number = (name: 'seats' | 'capacity') => {
    if (!columns.includes(name)) return;
    const text = cells[name] ?? '';
    if (text && !/^\d{1,9}$/.test(text)) return say(name, 'not_a_number');
    if (name === 'seats') fields.seats = text ? Number(text) : null;
    else if (text) fields.capacity = Number(text);
  };
  number('seats');
  number('capacity');
  if (columns.includes('building')) fields.building = cells.building || null;
  if (columns.includes('equipment')) fields.equipment = (cells.equipment ?? '').split(';').map((one) => one.trim().toLowerCase()).filter(Boolean);
  if (cells.zone) fields.zone = cells.zone;
  if (cells.start || cells.end) {
    if (!cells.start) say('start', 'missing');
    else if (!cells.end) say('end', 'missing');
    else fields.interval = { start: cells.start, end: cells.end };
  }
  if (cells.opening_hours) {
    const hours = readHours(cells.opening_hours);
    if (hours === null) say('opening_hours', 'not_understood');
    else fields.policy = { opening_hours: hours };
  }
  return fields;
}

function changeOf(row: Row, was: Resource, { capacity, policy, interval, ...fields }: Fields, group: string | undefined): Step {
  const body: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!same(sorted(value), sorted((was as unknown as Record<string, unknown>)[name]))) body[name] = value;
  }
  if (group && group !== was.group) body.group = group;
  // A time without an offset is the resource's own; only what is written as an instant can be compared here.
  if (interval && !(was.interval && same(interval, { start: was.interval.start, end: was.interval.end }))) body.interval = interval;
  const hours = (policy as { opening_hours: unknown } | undefined)?.opening_hours;
  if (hours && !same(hours, was.policy.opening_hours)) body.policy = { ...(was.group === null ? was.policy : {}), opening_hours: hours };
  const moreUnits = capacity !== undefined && capacity !== was.capacity ? capacity : undefined;
  const changed = [...Object.keys(body), ...(moreUnits === undefined ? [] : ['capacity'])];
  if (changed.length === 0) return { do: 'same', line: row.line, name: was.name };
  return { do: 'change', line: row.line, name: was.name, id: was.id, policy_version: was.policy_version, body: body as ResourceEdit, capacity: moreUnits, fields: changed };
}

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? value.toSorted() : value;
}

/** A stretch of closed days of some resources. Times without an offset are read in each resource's zone. */
export interface Closing {
  line: number;
  reason: string;
  start: string;
  end: string;
  resources: Resource[];
}

export const closing_columns = ['day', 'until', 'reason', 'building', 'group', 'resource'] as const;

export function planClosings(table: Table, known: Resource[]): { closings: Closing[]; wrong: Wrong[] } {
  const wrong: Wrong[] = [];
  const groups = new Map(known.filter(({ kind }) => kind === 'group').map((one) => [one.name, one.id]));
  const bookable = known.filter(({ kind }) => kind !== 'group');
  const closings = table.rows.flatMap(({ line, cells }) => {
    const say = (column: string, what: Wrong['what']) => void wrong.push({ line, column, what });
    const { day = '', until = '', reason = '', building = '', group = '', resource = '' } = cells;
    if (!isDay(day)) say('day', day ? 'not_a_day' : 'missing');
    if (until && (!isDay(until) || until < day)) say('until', 'not_a_day');
    if (!reason) say('reason', 'missing');
    if (building && !bookable.some((one) => one.building === building)) say('building', 'unknown');
    if (group && !groups.has(group)) say('group', 'unknown');
    if (resource && !bookable.some((one) => one.name === resource)) say('resource', 'unknown');
    if (!isDay(day) || (until && !isDay(until))) return [];
    const resources = bookable.filter(
      (one) => (!building || one.building === building) && (!group || one.group === groups.get(group)) && (!resource || one.name === resource),
    );
    return [{ line, reason, start: `${day}T00:00`, end: `${dayAfter(until || day)}T00:00`, resources }];
  });
  return { closings, wrong };
}

function isDay(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  return at !== null && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
