import { describe, expect, it } from 'vitest';
import type { BookingEvent, BookingState } from '../../api/types';
import { foldCard, type Card, type LiveEvent } from './marks';

const room: Card = {
  epoch: 1,
  version: 10,
  free: true,
  capacity: 1,
  units_free: 1,
  start: Date.parse('2026-11-23T18:00:00Z'),
  end: Date.parse('2026-11-23T19:00:00Z'),
};
const now = Date.parse('2026-11-22T12:00:00Z');
let version = 10;

let count = 0;

function event(name: LiveEvent['name'], more: { mine?: boolean; id?: string; from?: string; to?: string; units?: number; at?: number } = {}) {
  version = more.at ?? version + 1;
  const span = {
    id: more.id ?? `id-${(count += 1)}`,
    start: `2026-11-23T${more.from ?? '18:00'}:00Z`,
    end: `2026-11-23T${more.to ?? '19:00'}:00Z`,
    units: more.units ?? 1,
    mine: more.mine ?? false,
    state: 'confirmed',
    owner: 'Teacher A',
    expires_at: '2026-11-22T12:00:30Z',
    reason: 'Repairs',
  };
  const head = { resource: 'room', epoch: 1, version, part: 1, parts: 1, attempt: null, decided_at: '', as_of: '' };
  // A hold's id is told to its holder only.
  const about = name.startsWith('booking')
    ? { booking: span }
    : name.startsWith('hold')
      ? { hold: { ...span, id: more.mine ? span.id : null } }
      : { block: span };
  return { name, ...head, ...about } as unknown as LiveEvent;
}

const mark = (card: Card, ...events: LiveEvent[]) => foldCard(card, events, now).mark;

describe('a card that was free', () => {
  it('turns taken, with the name', () => {
    expect(foldCard(room, [event('bookingCreated')], now)).toEqual({
      mark: { is: 'taken', owner: 'Teacher A' },
      units_free: 0,
      changes: 1,
    });
  });
  it('turns yours without counting as a change', () => {
    expect(foldCard(room, [event('bookingCreated', { mine: true })], now)).toMatchObject({ mark: { is: 'yours' }, changes: 0 });
  });
  it('is unchanged by what its answer already knew', () => {
    expect(mark(room, event('bookingCreated', { at: 10 }))).toEqual({ is: 'unchanged' });
  });
  it('is unchanged by its neighbours in time: intervals are half-open', () => {
    expect(mark(room, event('bookingCreated', { from: '17:00', to: '18:00' }), event('bookingCreated', { from: '19:00', to: '20:00' }))).toEqual(
      { is: 'unchanged' },
    );
  });
  it('is free again after the cancel', () => {
    expect(mark(room, event('bookingCreated', { id: 'b' }), event('bookingCanceled', { id: 'b' }))).toEqual({ is: 'unchanged' });
  });
  it('counts a booking that is told twice once', () => {
    const twice = [event('bookingCreated', { id: 'b', mine: true }), event('bookingCreated', { id: 'b', mine: true, at: version })];
    expect(mark(room, ...twice, event('bookingCanceled', { id: 'b', mine: true }))).toEqual({ is: 'unchanged' });
  });
  it('is held while another holds it, and not after', () => {
    const granted = event('holdGranted', { id: 'h' });
    expect(mark(room, granted)).toEqual({ is: 'held' });
    expect(mark(room, granted, event('holdReleased', { id: 'h' }))).toEqual({ is: 'unchanged' });
    expect(foldCard(room, [granted], now + 31_000).mark).toEqual({ is: 'unchanged' });
  });
  it('is never held against the holder', () => {
    expect(mark(room, event('holdGranted', { mine: true }))).toEqual({ is: 'unchanged' });
  });
  it('counts a hold that became a booking once', () => {
    const confirmed = [event('holdGranted'), event('bookingCreated', { id: 'b' }), event('holdReleased')];
    expect(foldCard(room, confirmed, now)).toMatchObject({ mark: { is: 'taken' }, units_free: 0 });
    expect(foldCard(room, [...confirmed, event('bookingCanceled', { id: 'b' })], now)).toMatchObject({ mark: { is: 'unchanged' }, units_free: 1 });
  });
  it('tells two holds of others apart by their time', () => {
    const first = { from: '18:00', to: '18:30' };
    const second = { from: '18:30', to: '19:00' };
    const both = [event('holdGranted', first), event('holdGranted', second)];
    expect(mark(room, ...both, event('holdReleased', first))).toEqual({ is: 'held' });
    expect(mark(room, ...both, event('holdReleased', first), event('holdReleased', second))).toEqual({ is: 'unchanged' });
  });
  it('is taken out of use by a block, and back', () => {
    const added = event('blockAdded', { id: 'b' });
    expect(mark(room, added)).toEqual({ is: 'blocked', reason: 'Repairs' });
    expect(mark(room, added, event('blockRemoved', { id: 'b' }))).toEqual({ is: 'unchanged' });
  });
});

describe('a card that was not free', () => {
  const full: Card = { ...room, free: false, units_free: 0 };
  it('turns free when its booking is cancelled', () => {
    expect(mark(full, event('bookingCanceled'))).toEqual({ is: 'freed' });
  });
  it('turns free when the hold on it ends', () => {
    expect(mark(full, event('holdExpired'))).toEqual({ is: 'freed' });
  });
  it('turns taken when the hold on it becomes a booking, in whatever order that is told', () => {
    expect(mark(full, event('bookingCreated'), event('holdReleased'))).toMatchObject({ is: 'taken' });
    expect(mark(full, event('holdReleased'), event('bookingCreated'))).toMatchObject({ is: 'taken' });
  });
  it('stays refused when it was refused for its size', () => {
    expect(mark({ ...full, units_free: 1 }, event('bookingCreated'), event('bookingCanceled'))).toEqual({ is: 'unchanged' });
  });
});

describe('a card with several units', () => {
  it('counts down and stays free until none is left', () => {
    const three: Card = { ...room, capacity: 3, units_free: 3 };
    const two = [event('bookingCreated'), event('bookingCreated')];
    expect(foldCard(three, two, now)).toMatchObject({ mark: { is: 'unchanged' }, units_free: 1 });
    expect(foldCard(three, [...two, event('bookingCreated')], now)).toMatchObject({ mark: { is: 'taken' }, units_free: 0 });
  });
});

function moved(from: [string, string], to: [string, string] | null, more: { mine?: boolean; state?: BookingState } = {}) {
  const told = event('bookingMoved', { id: 'm', mine: more.mine ?? false, ...(to ? { from: to[0], to: to[1] } : {}) });
  const { booking } = told as LiveEvent & BookingEvent;
  booking.from = { start: `2026-11-23T${from[0]}:00Z`, end: `2026-11-23T${from[1]}:00Z`, units: 1 };
  booking.state = more.state ?? 'confirmed';
  if (!to) Object.assign(booking, { start: null, end: null, units: 0 });
  return told;
}

describe('a booking that moves', () => {
  const taken: Card = { ...room, free: false, units_free: 0 };
  it('takes where it comes to', () => {
    expect(foldCard(room, [moved(['10:00', '11:00'], ['18:30', '19:30'])], now)).toMatchObject({
      mark: { is: 'taken', owner: 'Teacher A' },
      changes: 1,
    });
    expect(mark(room, moved(['10:00', '11:00'], ['18:00', '19:00'], { mine: true }))).toEqual({ is: 'yours' });
  });
  it('frees what it leaves, for another time or another room', () => {
    expect(mark(taken, moved(['18:00', '19:00'], ['19:00', '20:00']))).toEqual({ is: 'freed' });
    expect(mark(taken, moved(['18:00', '19:00'], null))).toEqual({ is: 'freed' });
  });
  it('goes on taking while it only shifts', () => {
    expect(mark(taken, moved(['18:00', '19:00'], ['18:30', '19:30']))).toEqual({ is: 'taken', owner: 'Teacher A' });
  });
  it('is heard of after it was made, and may come back', () => {
    expect(mark(room, event('bookingCreated', { id: 'm' }), moved(['18:00', '19:00'], ['20:00', '21:00']))).toEqual({ is: 'unchanged' });
    const [away, back] = [moved(['18:00', '19:00'], ['20:00', '21:00']), moved(['20:00', '21:00'], ['18:00', '19:00'])];
    expect(mark(taken, away, back)).toMatchObject({ is: 'taken' });
    expect(mark(taken, away, back, event('bookingCanceled', { id: 'm' }))).toEqual({ is: 'freed' });
  });
  it('changes nothing elsewhere, nor while it waits for approval', () => {
    expect(foldCard(room, [moved(['10:00', '11:00'], ['11:00', '12:00'])], now)).toMatchObject({ mark: { is: 'unchanged' }, changes: 0 });
    expect(mark(room, moved(['10:00', '11:00'], ['18:00', '19:00'], { state: 'pending' }))).toEqual({ is: 'unchanged' });
  });
});
