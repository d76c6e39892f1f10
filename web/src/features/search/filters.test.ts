import { describe, expect, it } from 'vitest';
import { countNarrowing, isOrdered, lengthWithin, readFilters, searchQuery, withLength, writeFilters, type Filters } from './filters';

const friday = Date.UTC(2026, 10, 20, 12);

describe('filters in the address bar', () => {
  it('come back as they were written', () => {
    const filters: Filters = {
      date: '2026-11-24',
      from: '13:30',
      to: '15:00',
      people: 24,
      length_min: 60,
      equipment: ['projector', 'piano'],
      buildings: ['Center Hall & Annex', 'North, old'],
      text: 'a+b c',
      all: true,
      favourites: true,
      sort: 'seats',
    };
    expect(readFilters(`?${writeFilters(filters, new URLSearchParams())}`, friday)).toEqual(filters);
  });

  it('start on the next working day, ten to eleven', () => {
    expect(readFilters('', friday)).toMatchObject({ date: '2026-11-23', from: '10:00', to: '11:00', people: null, all: false });
  });

  it('fall back when the link holds nonsense', () => {
    expect(readFilters('?date=2026-02-31&from=25:00&to=x&people=-3&equipment=,,&building=&sort=up', friday)).toEqual(readFilters('', friday));
  });

  it('keep what else the address says, and drop what is empty', () => {
    const written = writeFilters(readFilters('', friday), new URLSearchParams('view=bookings&q=old&people=3'));
    expect(written.toString()).toBe('view=bookings&date=2026-11-23&from=10%3A00&to=11%3A00');
  });
});

describe('the search', () => {
  it('sends civil times without offset', () => {
    const query = searchQuery({ ...readFilters('?people=12&equipment=projector,piano', friday), text: ' 101 ' });
    expect(Object.fromEntries(query)).toEqual({
      start: '2026-11-23T10:00',
      end: '2026-11-23T11:00',
      units: '1',
      kind: 'room',
      limit: '50',
      people: '12',
      equipment: 'projector,piano',
      q: '101',
      free: 'true',
    });
  });

  it('names each building, and an order only if it is not the usual one', () => {
    const query = searchQuery(readFilters('?building=A&building=B,C&sort=name&all=1', friday));
    expect(query.getAll('building')).toEqual(['A', 'B,C']);
    expect([query.get('sort'), query.get('free')]).toEqual(['name', null]);
  });

  it('asks for the first free time within a longer one, and for all of it where that is no longer', () => {
    const day = readFilters('?date=2026-11-24&from=09:00&to=17:30&length=60', friday);
    expect(Object.fromEntries(searchQuery(day))).toMatchObject({ from: '2026-11-24T09:00', to: '2026-11-24T17:30', duration_min: '60' });
    expect(searchQuery(day).has('start')).toBe(false);
    for (const short of ['from=10:00&to=11:00', 'from=10:00&to=10:30', 'from=12:00&to=11:00']) {
      const hour = readFilters(`?${short}&length=60`, friday);
      expect(lengthWithin(hour)).toBeNull();
      expect(searchQuery(hour).has('duration_min')).toBe(false);
    }
    expect(readFilters('?length=61', friday).length_min).toBeNull();
  });

  it('widens a time that is too short for the chosen length, and only that', () => {
    const hour = readFilters('', friday);
    expect(withLength(hour, 60)).toEqual({ length_min: 60, from: '08:00', to: '20:00' });
    expect(withLength(hour, 30)).toEqual({ length_min: 30 });
    expect(withLength(hour, null)).toEqual({ length_min: null });
  });

  it('knows an interval that ends before it starts', () => {
    expect(isOrdered(readFilters('?from=11:00&to=10:00', friday))).toBe(false);
    expect(isOrdered(readFilters('?from=10:00&to=10:00', friday))).toBe(false);
    expect(isOrdered(readFilters('', friday))).toBe(true);
  });

  it('counts what narrows it', () => {
    expect(countNarrowing(readFilters('?people=2&equipment=a,b&building=X&q=y', friday))).toBe(5);
    expect(countNarrowing(readFilters('', friday))).toBe(0);
  });
});
