// The fields of a resource that an admin edits: what changed, what is sent, and how two edits of one thing come together.
// A field that somebody else changed is never overwritten without a word.
import type { Resource, ResourceEdit } from '../../api/types';

export type Value = unknown;
export type Values = Record<string, Value>;

export const facts = ['name', 'building', 'seats', 'equipment', 'group'] as const;
export const rules = [
  'approval',
  'pending_takes',
  'own_overlap',
  'hold_at',
  'hold_ttl_s',
  'setup_s',
  'teardown_s',
  'duration_max_s',
  'opening_hours',
  'book_from',
  'book_by',
  'change_by',
  'cancel_by',
  'late_cancel_from',
  'check_in',
  'remind_before_s',
  'quota',
  'eligibility',
  'waitlist',
] as const;
export type Fact = (typeof facts)[number];
export type Rule = (typeof rules)[number];
export type Field = Fact | Rule;

/** What the form shows of a resource. */
export function valuesOf(resource: Pick<Resource, Fact | 'policy'>): Values {
  const values: Values = {};
  for (const name of facts) values[name] = resource[name];
  for (const name of rules) values[name] = (resource.policy as Values)[name];
  return values;
}

export function same(a: Value, b: Value): boolean {
  return write(a) === write(b);
}

/** With the names in order: two objects that say the same are the same. */
function write(value: Value): string {
  return JSON.stringify(value ?? null, (_, part: Value) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).filter(([, one]) => one !== undefined).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

export interface Change {
  field: Field;
  from: Value;
  to: Value;
}

export function changesOf(before: Values, after: Values): Change[] {
  return [...facts, ...rules].filter((field) => !same(before[field], after[field])).map((field) => ({ field, from: before[field], to: after[field] }));
}

/**
 * What is sent for these changes. A policy is said as a whole: all of it where a resource stands alone, and in a group
 * what it says itself already and what is changed now, so that it goes on following the group in everything else.
 */
export function editOf(resource: Resource, after: Values): ResourceEdit {
  const changed = new Set<string>(changesOf(valuesOf(resource), after).map(({ field }) => field));
  const edit: Values = {};
  for (const name of facts) if (changed.has(name)) edit[name] = after[name];
  const changedRules = rules.filter((name) => changed.has(name));
  if (changedRules.length > 0) {
    const policy: Values = {};
    for (const [name, value] of Object.entries(resource.policy)) {
      if (resource.group === null || resource.policy_own.includes(name)) policy[name] = value;
    }
    for (const name of changedRules) policy[name] = after[name];
    edit.policy = policy;
  }
  return edit as ResourceEdit;
}

export interface Meeting {
  field: Field;
  base: Value;
  mine: Value;
  theirs: Value;
}

/** Where both changed the same field to different ends. All other fields come together by themselves. */
export function meetings(base: Values, mine: Values, theirs: Values): Meeting[] {
  return changesOf(base, mine)
    .filter(({ field }) => !same(base[field], theirs[field]) && !same(mine[field], theirs[field]))
    .map(({ field }) => ({ field, base: base[field], mine: mine[field], theirs: theirs[field] }));
}

/** Theirs, with what I changed on top, except where I chose theirs. */
export function merge(base: Values, mine: Values, theirs: Values, keep: Partial<Record<Field, 'mine' | 'theirs'>>): Values {
  const merged: Values = { ...theirs };
  for (const { field } of changesOf(base, mine)) {
    const both = !same(base[field], theirs[field]) && !same(mine[field], theirs[field]);
    if (!both || keep[field] === 'mine') merged[field] = mine[field];
  }
  return merged;
}
