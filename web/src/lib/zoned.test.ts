import { describe, expect, it } from 'vitest';
import { addDays, nextWorkingDay, zoneOffset } from './zoned';

const hours = (instant: string, zone: string) => zoneOffset(Date.parse(instant), zone) / 3_600_000;

describe('offsets', () => {
  it.each([
    ['2026-11-23T18:00:00Z', 'America/Los_Angeles', -8],
    ['2026-07-01T08:00:00Z', 'Europe/Berlin', 2],
    ['2026-03-29T00:59:59Z', 'Europe/Berlin', 1],
    ['2026-03-29T01:00:00Z', 'Europe/Berlin', 2],
    ['2026-10-25T00:59:59Z', 'Europe/Berlin', 2],
    ['2026-10-25T01:00:00Z', 'Europe/Berlin', 1],
    ['2026-11-22T18:30:00Z', 'Asia/Kolkata', 5.5],
  ])('at %s in %s: %d h', (instant, zone, offset) => expect(hours(instant, zone)).toBe(offset));
});

describe('days', () => {
  it('skip the weekend', () => {
    expect(nextWorkingDay('2026-11-20')).toBe('2026-11-23');
    expect(nextWorkingDay('2026-11-21')).toBe('2026-11-23');
    expect(nextWorkingDay('2026-11-23')).toBe('2026-11-24');
  });
  it('count across months', () => expect(addDays('2026-11-30', 1)).toBe('2026-12-01'));
});
