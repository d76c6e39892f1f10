import { describe, expect, it } from 'vitest';
import { writeRule } from './rule';

describe('a rule', () => {
  it('says how often and how many', () => {
    expect(writeRule('weekly', 10, new Map())).toBe('FREQ=WEEKLY;COUNT=10');
    expect(writeRule('weekdays', 3, new Map())).toBe('FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=3');
  });
  it('has bounds', () => {
    expect(writeRule('daily', 0, new Map())).toBe('FREQ=DAILY;COUNT=1');
    expect(writeRule('daily', 5000, new Map())).toBe('FREQ=DAILY;COUNT=100');
  });
  it('leaves dates out and puts dates elsewhere', () => {
    const exceptions = new Map([['2027-03-09T10:00:00', 'skip' as const], ['2027-03-16T10:00', { to: '2027-03-17T11:30' }]] as [string, 'skip' | { to: string }][]);
    expect(writeRule('weekly', 4, exceptions)).toBe('FREQ=WEEKLY;COUNT=4\nEXDATE:20270309T100000\nEXDATE:20270316T100000\nRDATE:20270317T113000');
  });
});
