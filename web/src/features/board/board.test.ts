import { describe, expect, it } from 'vitest';
import type { BoardSecond, Crowd } from '../../api/types';
import { columns, firstFreeHour, furtherOn, joinSeconds, roundUp, sum } from './board';

const none = { count: 0, p50_ms: 0, p95_ms: 0, p99_ms: 0 };
const latency = { all: none, accepted: none, rejected: none, failed: none };

function second(at: string, ...counts: [string, number][]): BoardSecond {
  return { at, counts: counts.map(([outcome, count]) => ({ outcome, count })), latency, commits: 1, proposals: 1, batch_max: 1 };
}

const at = (clock: string) => Date.parse(`2026-11-22T${clock}:00Z`);
const taken = (start: string, end: string) => ({ start: `2026-11-22T${start}:00Z`, end: `2026-11-22T${end}:00Z` });
const crowd = (part: Partial<Crowd>) => ({ id: 'a', began_at: '1', state: 'running', gathered: 5, answered: 0, ...part }) as Crowd;

describe('seconds', () => {
  it('are each there once, in order, whatever was heard twice', () => {
    const a = second('2026-11-22T18:00:01Z', ['BOOKED', 1]);
    const b = second('2026-11-22T18:00:03Z', ['REJECTED', 2]);
    expect(joinSeconds([b], [a, b])).toEqual([a, b]);
  });

  it('become a minute without gaps, stacked by what they ended in', () => {
    const until = Date.parse('2026-11-22T18:01:00.400Z');
    const all = columns([
      second('2026-11-22T18:00:00Z', ['BOOKED', 1], ['ACCEPTED', 2], ['REJECTED', 5]),
      second('2026-11-22T18:00:59Z', ['FAILED', 3], ['REPLAYED', 1], ['NONE', 1]),
      second('2026-11-22T18:01:00Z', ['BOOKED', 99]),
    ], until);
    expect(all).toHaveLength(60);
    expect(all[0]!.sums).toEqual({ accepted: 3, rejected: 5, failed: 0, other: 0 });
    expect(all[59]!.sums).toEqual({ accepted: 0, rejected: 0, failed: 3, other: 2 });
    expect(sum(all)).toEqual({ accepted: 3, rejected: 5, failed: 3, other: 2 });
    expect(all[1]!.second).toBeNull();
  });
});

describe('scales', () => {
  it.each([[0, 1], [1, 1], [3, 5], [7, 10], [10, 10], [101, 200], [0.3, 0.5]])('%d ends at %d', (value, end) => {
    expect(roundUp(value)).toBeCloseTo(end);
  });
});

describe('the first free hour', () => {
  it.each([
    [[], '10:00', '10:00'],
    [[], '10:01', '11:00'],
    [[taken('11:00', '12:30')], '10:01', '13:00'],
    [[taken('12:00', '13:00')], '10:01', '11:00'],
  ])('%j from %s is %s', (items, now, free) => expect(firstFreeHour(items, at(now), 24, 'UTC')).toBe(at(free)));

  it('ends its search', () => expect(firstFreeHour([taken('00:00', '23:59')], at('10:00'), 3, 'UTC')).toBe(at('12:00')));

  it('passes over the hour before midnight, and looks at what comes after it', () => {
    // 07:00 UTC is 23:00 in Los Angeles; the hour after it is taken.
    const items = [taken('06:00', '07:00'), taken('08:00', '09:00')];
    expect(firstFreeHour(items, at('06:00'), 24, 'America/Los_Angeles')).toBe(at('09:00'));
    expect(firstFreeHour(items, at('06:00'), 24, 'UTC')).toBe(at('07:00'));
  });
});

describe('of two messages about a crowd', () => {
  it('the one further on counts', () => {
    const late = crowd({ answered: 3 });
    expect(furtherOn(crowd({}), late)).toBe(late);
    expect(furtherOn(late, crowd({}))).toBe(late);
    const done = crowd({ state: 'done' });
    expect(furtherOn(done, late)).toBe(done);
    const next = crowd({ id: 'b', began_at: '2', state: 'gathering', gathered: 0 });
    expect(furtherOn(done, next)).toBe(next);
    expect(furtherOn(null, done)).toBe(done);
  });
});
