// The timeline's cells, columns and keys: what a person sees and where a key leads.
import { describe, expect, test } from 'vitest';
import type { TimelineItem, TimelineRow } from '../../api/types';
import type { LiveEvent } from '../live/marks';
import { foldRow } from './fold';
import { cellsOf, columnsOf, heatOf, inSight, nextPlace, reach, runsOf, shareTaken, type Axis } from './timeline';

const axis: Axis = { date: '2026-11-24', days: 1, zone: 'UTC', step_min: 30, hours: 'work' };
const at = (clock: string) => `2026-11-24T${clock}:00Z`;
const early = Date.parse(at('00:00'));

function item(kind: TimelineItem['kind'], start: string, end: string, more: Partial<TimelineItem> = {}): TimelineItem {
  const times = { start: at(start), end: at(end), taken_from: at(start), taken_until: at(end) };
  return { kind, id: `${kind} ${start}`, ...times, state: kind === 'hold' ? 'held' : 'confirmed', mine: false, owner: null, title: null, expires_at: null, ...more };
}

function row(items: TimelineItem[], more: Partial<TimelineRow> = {}): TimelineRow {
  const resource = { id: 'r', kind: 'room', name: 'R', building: null, seats: 4, equipment: [], zone: 'UTC', capacity: 1, approval: false, policy_version: 1 } as TimelineRow['resource'];
  return { resource, hold_at: 'confirm', closed: false, open: null, items, levels: [], more: false, epoch: 1, version: 5, ...more };
}

const columns = columnsOf(axis);
const states = (one: TimelineRow, now = early) => [...runsOf(cellsOf(one, columns, now), columns)].map(([first, length]) => `${columns[first]!.clock}+${length} ${cellsOf(one, columns, now)[first]!.state}`);

describe('columns', () => {
  test('working hours come in half hours', () => {
    expect([columns.length, columns[0]!.clock, columns.at(-1)!.clock]).toEqual([28, '07:00', '20:30']);
  });

  test.each([
    ['2026-03-29', 46],
    ['2026-10-25', 50],
    ['2026-11-24', 48],
  ])('ux 21: %s in Berlin has %i half hours', (date, count) => {
    const day = columnsOf({ ...axis, date, zone: 'Europe/Berlin', hours: 'all' });
    expect(day.length).toBe(count);
    for (const [index, column] of day.entries()) if (index > 0) expect(column.start).toBe(day[index - 1]!.end);
  });
});

describe('states', () => {
  test('ux 5: each kind of thing has a state of its own', () => {
    const one = row(
      [
        item('booking', '08:00', '09:00', { mine: true }),
        item('booking', '09:00', '10:00', { owner: 'A. Berg' }),
        item('booking', '10:00', '11:00', { state: 'pending' }),
        item('hold', '11:00', '12:00', { mine: true, expires_at: at('12:00') }),
        item('hold', '12:00', '13:00', { expires_at: at('12:00') }),
        item('block', '13:00', '14:00', { title: 'Paint' }),
      ],
      { open: [{ start: at('07:30'), end: at('16:00') }] },
    );
    expect(states(one, Date.parse(at('07:30')))).toEqual([
      '07:00+1 past',
      '07:30+1 free',
      '08:00+2 mine',
      '09:00+2 booked',
      '10:00+2 pending',
      '11:00+2 holding',
      '12:00+2 held',
      '13:00+2 blocked',
      '14:00+4 free',
      '16:00+10 closed',
    ]);
  });

  test('a hold is over by the clock, whether somebody said so or not', () => {
    const one = row([item('hold', '18:00', '19:00', { expires_at: at('12:00') })]);
    expect(cellsOf(one, columns, Date.parse(at('12:00')))[22]!.state).toBe('free');
    expect(cellsOf(one, columns, Date.parse(at('11:59')))[22]!.state).toBe('held');
  });

  test('what is out of service is free at no time', () => {
    expect(states(row([], { closed: true }))).toEqual(['07:00+28 closed']);
  });

  test('two windows that touch are open through', () => {
    const open = [{ start: at('08:00'), end: at('08:15') }, { start: at('08:15'), end: at('09:00') }];
    expect(states(row([], { open }))[1]).toBe('08:00+2 free');
  });

  test('the time to clear a room is taken too', () => {
    expect(states(row([item('booking', '08:00', '09:00', { taken_until: at('09:30') })]))[1]).toBe('08:00+3 booked');
  });
});

describe('choosing', () => {
  const one = row([item('booking', '10:00', '11:00')]);
  const cells = cellsOf(one, columns, early);

  test('a choice ends before what is taken, in both directions', () => {
    expect(reach(cells, columns, 2, 20)).toBe(5);
    expect(reach(cells, columns, 10, 0)).toBe(8);
  });

  test('a choice does not jump over hours that are not shown', () => {
    const week = columnsOf({ ...axis, days: 2 });
    const free = cellsOf(row([]), week, early);
    expect(reach(free, week, 26, 30)).toBe(27);
  });

  test('ux 7: keys lead where they say', () => {
    const week = columnsOf({ ...axis, days: 2 });
    const bounds = { rows: 10, columns: week };
    const from = { row: 3, col: 4 };
    const go = (key: string, ctrl = false) => nextPlace(from, key, ctrl, bounds);
    expect(go('ArrowRight')).toEqual({ row: 3, col: 5 });
    expect(go('ArrowUp')).toEqual({ row: 2, col: 4 });
    expect(go('Home')).toEqual({ row: 3, col: 0 });
    expect(go('End', true)).toEqual({ row: 9, col: 55 });
    expect(go('PageDown')).toEqual({ row: 3, col: 32 });
    expect(go('PageUp')).toEqual({ row: 3, col: 4, days: -1 });
    expect(go('x')).toBeNull();
  });
});

describe('how full', () => {
  const shared = row([], {
    resource: { ...row([]).resource, capacity: 24 },
    levels: [
      { start: at('07:00'), end: at('09:00'), used: 18, waiting: 0 },
      { start: at('09:00'), end: at('10:00'), used: 24, waiting: 3 },
      { start: at('10:00'), end: at('21:00'), used: 0, waiting: 0 },
    ],
  });

  test('ux 6: used of capacity, and full only when it is full', () => {
    expect(heatOf(shared, { start: Date.parse(at('08:00')), end: Date.parse(at('08:30')) })).toEqual({ used: 18, capacity: 24, waiting: 0, step: 3 });
    expect(heatOf(shared, { start: Date.parse(at('08:30')), end: Date.parse(at('09:30')) })).toMatchObject({ used: 24, waiting: 3, step: 5 });
  });

  test('the share of a day leaves out what is closed', () => {
    const one = row([item('booking', '08:00', '09:00')], { open: [{ start: at('08:00'), end: at('12:00') }] });
    expect(shareTaken(cellsOf(one, columns, early))).toBe(0.25);
    expect(shareTaken(cellsOf(row([], { open: [] }), columns, early))).toBeNull();
  });
});

test('what is in sight has some more on both sides, and never more than there is', () => {
  expect(inSight(0, 440, 44, 500, 4)).toEqual({ from: 0, to: 14 });
  expect(inSight(4400, 440, 44, 500, 4)).toEqual({ from: 96, to: 114 });
  expect(inSight(99_999, 440, 44, 500, 4)).toEqual({ from: 500, to: 500 });
});

describe('what is heard', () => {
  const head = { resource: 'r', epoch: 1, version: 6, part: 1, parts: 1, attempt: null, decided_at: at('00:00'), as_of: at('00:00') };
  const booking = { id: 'b', mine: false, state: 'confirmed' as const, start: at('08:00'), end: at('09:00'), units: 1, owner: 'Ann' };
  const told = (name: LiveEvent['name'], more: object) => ({ name, ...head, ...more }) as LiveEvent;

  test('a booking comes, moves and goes in place', () => {
    const made = foldRow(row([]), told('bookingCreated', { booking }))!;
    expect(states(made)[1]).toBe('08:00+2 booked');
    const moved = foldRow(made, told('bookingMoved', { version: 7, booking: { ...booking, start: at('12:00'), end: at('13:00') } }))!;
    expect(states(moved)[1]).toBe('12:00+2 booked');
    expect(foldRow(moved, told('bookingCanceled', { version: 8, booking }))!.items).toEqual([]);
  });

  test('an older version changes nothing', () => {
    const one = row([]);
    expect(foldRow(one, told('bookingCreated', { version: 5, booking }))).toBe(one);
  });

  test('the hold of another is known by its time', () => {
    const hold = { id: null, start: at('08:00'), end: at('09:00'), units: 1, expires_at: at('10:00'), mine: false };
    const held = foldRow(row([]), told('holdGranted', { hold }))!;
    expect(states(held)[1]).toBe('08:00+2 held');
    expect(foldRow(held, told('holdExpired', { version: 7, hold }))!.items).toEqual([]);
  });

  test('where the event does not say enough, the row is read again', () => {
    expect(foldRow(row([]), told('resourceChanged', {}))).toBeNull();
    expect(foldRow(row([], { resource: { ...row([]).resource, capacity: 2 } }), told('bookingCreated', { booking }))).toBeNull();
  });
});
