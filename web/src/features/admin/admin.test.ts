// The console's thinking: tables, edits that meet, opening hours, and a mode that ends by itself.
import { describe, expect, test } from 'vitest';
import type { Resource } from '../../api/types';
import { planClosings, planResources } from './bulk';
import { readTable, writeTable } from './csv';
import { changesOf, editOf, meetings, merge, valuesOf } from './edits';
import { readHours, readRequirements, writeHours, writeRequirements } from './hours';
import { beginOverride, endOverride, override_ms, overrideLeft } from './override';

const policy = { approval: false, opening_hours: [], setup_s: 0, hold_at: 'confirm' };
const room = (more: Partial<Resource> = {}) =>
  ({ id: 'r1', kind: 'room', name: 'N 101', building: 'North', seats: 8, equipment: ['projector'], zone: 'Europe/Berlin', capacity: 1, group: null, interval: null, policy, policy_own: [], policy_version: 3, ...more }) as unknown as Resource;

describe('tables', () => {
  test('quotes, commas, line ends and lines are read as RFC 4180 says', () => {
    const { columns, rows } = readTable('\uFEFFname,Reason\r\n"a, ""b""","two\nlines"\r\n\r\nc,d');
    expect(columns).toEqual(['name', 'reason']);
    expect(rows).toEqual([
      { line: 2, cells: { name: 'a, "b"', reason: 'two\nlines' } },
      { line: 5, cells: { name: 'c', reason: 'd' } },
    ]);
  });

  test('a table by semicolons is read too', () => {
    expect(readTable('a;b\n1;2').rows[0]!.cells).toEqual({ a: '1', b: '2' });
  });

  test('what is written is read again, and is no formula', () => {
    expect(writeTable([['a,b', '=1+1', 'say "hi"']])).toBe('"a,b",\'=1+1,"say ""hi"""\r\n');
  });
});

const plan = (text: string, known: Resource[] = [room()]) => planResources(readTable(text), known);

describe('bulk', () => {
  test('a dry run counts what is made, changed and the same, groups first', () => {
    const { steps, wrong } = plan(
      'kind,name,zone,building,seats,capacity,group\nroom,N 102,Europe/Berlin,North,4,1,Wing\ngroup,Wing,Europe/Berlin,,,,\nroom,N 101,Europe/Berlin,North,8,1,\nroom,N 101b,,North,8,1,',
    );
    expect(wrong).toEqual([{ line: 5, column: 'zone', what: 'missing' }]);
    expect(steps.map((step) => `${step.do} ${step.name}`)).toEqual(['make Wing', 'make N 102', 'same N 101', 'make N 101b']);
  });

  test('only what differs is sent', () => {
    const [step] = plan('kind,name,seats,equipment,capacity,opening_hours\nroom,N 101,10,projector,2,mo-fr 08:00-20:00').steps;
    expect(step).toMatchObject({ do: 'change', id: 'r1', policy_version: 3, capacity: 2, fields: ['seats', 'policy', 'capacity'] });
    expect((step as { body: object }).body).toEqual({ seats: 10, policy: { ...policy, opening_hours: [{ days: ['mo', 'tu', 'we', 'th', 'fr'], from: '08:00', to: '20:00' }] } });
  });

  test('each wrong cell is told with its line', () => {
    expect(plan('kind,name,zone,seats,colour\nhall,X,UTC,many,\nroom,,UTC,1,').wrong).toEqual([
      { line: 1, column: 'colour', what: 'unknown' },
      { line: 2, column: 'kind', what: 'unknown' },
      { line: 2, column: 'seats', what: 'not_a_number' },
      { line: 3, column: 'name', what: 'missing' },
    ]);
  });

  test('a closed day is a block from midnight to midnight of all that is meant', () => {
    const known = [room(), room({ id: 'r2', name: 'S 1', building: 'South' })];
    const { closings, wrong } = planClosings(readTable('day,until,reason,building\n2026-12-24,2026-12-26,Holidays,\n2027-01-06,,Epiphany,South\n2027-02-30,,X,'), known);
    expect(wrong).toEqual([{ line: 4, column: 'day', what: 'not_a_day' }]);
    expect(closings.map(({ start, end, resources }) => [start, end, resources.length])).toEqual([
      ['2026-12-24T00:00', '2026-12-27T00:00', 2],
      ['2027-01-06T00:00', '2027-01-07T00:00', 1],
    ]);
  });
});

describe('edits', () => {
  const base = valuesOf(room());

  test('ux 25: fields that one person changed come together, the same field is asked about', () => {
    const mine = { ...base, seats: 10, name: 'N 101 new' };
    const theirs = { ...base, seats: 12, building: 'South' };
    expect(meetings(base, mine, theirs)).toEqual([{ field: 'seats', base: 8, mine: 10, theirs: 12 }]);
    expect(merge(base, mine, theirs, { seats: 'theirs' })).toMatchObject({ seats: 12, name: 'N 101 new', building: 'South' });
    expect(merge(base, mine, theirs, { seats: 'mine' }).seats).toBe(10);
  });

  test('the same edit by both is no meeting', () => {
    expect(meetings(base, { ...base, seats: 9 }, { ...base, seats: 9 })).toEqual([]);
  });

  test('a policy is sent whole; in a group only what it says itself', () => {
    const after = { ...base, approval: true };
    expect(editOf(room(), after)).toEqual({ policy: { ...policy, approval: true } });
    expect(editOf(room({ group: 'g', policy_own: ['setup_s'] }), { ...after, group: 'g' })).toEqual({ policy: { setup_s: 0, approval: true } });
  });

  test('the order of names makes no change', () => {
    expect(changesOf({ quota: { most: 1, period: 'day' } }, { quota: { period: 'day', most: 1 } })).toEqual([]);
  });
});

describe('hours and requirements', () => {
  test('what is written is read again', () => {
    const text = 'mo-fr 08:00-20:00; sa,su 10:00-24:00';
    expect(writeHours(readHours(text)!)).toBe(text);
    expect(writeRequirements(readRequirements('all a b; none hold:*\nany x')!)).toBe('all a b; none hold:*\nany x');
  });

  test.each(['mo 20:00-08:00', 'xx 08:00-09:00', 'fr-mo 08:00-09:00', 'mo 8-9'])('%s is not understood', (text) => {
    expect(readHours(text)).toBeNull();
  });
});

test('ux 24: override mode ends by itself after fifteen minutes, whatever the clock does', () => {
  beginOverride(1_000);
  expect(overrideLeft(1_000)).toBe(override_ms);
  expect(overrideLeft(1_000 + override_ms)).toBe(0);
  expect(overrideLeft(-5_000)).toBe(0);
  endOverride();
  expect(overrideLeft(1_000)).toBe(0);
});
