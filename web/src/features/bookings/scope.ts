// Which dates a change of a series is about, and where it is sent for that.
// A booking that is no date of a series is always changed alone.
import type { Booking } from '../../api/types';

export const scopes = ['this', 'later', 'all'] as const;
export type Scope = (typeof scopes)[number];

export function isDate(booking: Booking): boolean {
  return booking.occurrence !== null;
}

/** `verb` is empty for an edit, which is a PATCH of the thing itself. */
export function addressOf(booking: Booking, scope: Scope, verb: 'cancel' | 'move' | ''): string {
  const end = verb ? `/${verb}` : '';
  return scope === 'this' || !booking.occurrence ? `/api/bookings/${booking.id}${end}` : `/api/series/${booking.occurrence.series}${end}`;
}

/** The first date that is meant; all that are not over without it. */
export function fromOf(booking: Booking, scope: Scope): { from?: string } {
  return scope === 'later' && booking.occurrence ? { from: booking.id } : {};
}
