// For how long a booking that one gave up oneself can be had back with one click, as long as its place is free.
// It is a new booking of the same: what was cancelled stays cancelled on record.
import type { Booking, BookingRequest } from '../../api/types';

export const undo_ms = 10_000;

export function undoLeft(booking: Booking, now: number): number {
  if (booking.state !== 'cancelled' || !booking.mine || !booking.cancelled_at) return 0;
  return Math.max(0, Date.parse(booking.cancelled_at) + undo_ms - now);
}

export function sameAgain({ lines, title, purpose, people, guests, private: hidden }: Booking): BookingRequest {
  return {
    lines: lines.map(({ resource, start, end, units }) => ({ resource, start, end, units })),
    ...(title ? { title } : {}),
    ...(purpose ? { purpose } : {}),
    ...(people ? { people } : {}),
    ...(guests.length > 0 ? { guests } : {}),
    ...(hidden ? { private: hidden } : {}),
  };
}
