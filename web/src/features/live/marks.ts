// What has become of a card since its search answer, folded from the events heard after it. Only for drawing:
// the server's next answer replaces it, and nothing is decided by it.
import type { BlockEvent, BookingEvent, EntryEvent, EventHead, HoldEvent, Version } from '../../api/types';
import { compareVersions } from './versions';

export type LiveEvent =
  | ({ name: 'bookingCreated' | 'bookingCanceled' | 'bookingChanged' | 'bookingMoved' } & BookingEvent)
  | ({ name: 'holdGranted' | 'holdRenewed' | 'holdReleased' | 'holdExpired' } & HoldEvent)
  | ({ name: 'holdOverrode' } & EventHead & { hold: { mine: boolean } })
  | ({ name: 'blockAdded' | 'blockRemoved' } & BlockEvent)
  | ({ name: 'bookingDisplaced' | 'bookingNoShow' } & BookingEvent)
  | ({ name: 'bookingCheckedIn' | 'bookingHandedOver' | 'bookingOverrode' | 'bookingReminded' } & EventHead & { booking: { mine: boolean; was_mine?: boolean } | null })
  | ({ name: 'waitlistJoined' | 'waitlistChanged' | 'waitlistOffered' | 'waitlistPromoted' | 'waitlistLeft' } & EntryEvent)
  | ({ name: 'resourceCreated' | 'resourceChanged' | 'resourceClosed' | 'resourceReopened' | 'overCommitLowered' } & EventHead);

/** A card as the search told it, with the interval it was searched for. */
export interface Card extends Version {
  free: boolean;
  capacity: number | null;
  units_free: number | null;
  start: number;
  end: number;
}

export type Mark =
  | { is: 'unchanged' }
  | { is: 'yours' }
  | { is: 'taken'; owner: string | null }
  | { is: 'held' }
  | { is: 'blocked'; reason: string }
  | { is: 'freed' };

export interface Marked {
  mark: Mark;
  units_free: number | null;
  /** Changes by others that a refresh of the search would take in. */
  changes: number;
}

interface Interval {
  start?: string | null;
  end?: string | null;
}

type LiveHold = HoldEvent['hold'];

export function foldCard(card: Card, events: readonly LiveEvent[], now: number): Marked {
  const unlimited = card.units_free === null;
  const told = { bookings: new Map<string, 'pending' | 'active' | 'over'>(), holds: [] as LiveHold[] };
  let units = card.units_free ?? Number.POSITIVE_INFINITY;
  let yours = false;
  let owner: string | null = null;
  let block: { id: string; reason: string } | null = null;
  let changes = 0;

  for (const event of events) {
    if (compareVersions(event, card) <= 0 || !touches(card, event)) continue;
    switch (event.name) {
      case 'bookingCreated':
      case 'bookingChanged': {
        const { booking } = event;
        const before = told.bookings.get(booking.id);
        // One's own booking is told by its answer and by the socket.
        if (before === 'active' || before === 'over') continue;
        told.bookings.set(booking.id, booking.state === 'confirmed' ? 'active' : 'pending');
        if (booking.state !== 'confirmed') continue;
        units -= booking.units ?? 0;
        yours = booking.mine;
        owner = booking.owner ?? null;
        if (!booking.mine) changes += 1;
        break;
      }
      case 'bookingDisplaced':
      case 'bookingNoShow':
      case 'bookingCanceled': {
        const { booking } = event;
        const before = told.bookings.get(booking.id);
        told.bookings.set(booking.id, 'over');
        // What waited for approval took nothing.
        if (before === 'over' || before === 'pending') continue;
        units += booking.units ?? 0;
        yours = false;
        owner = null;
        if (!booking.mine) changes += 1;
        break;
      }
      case 'bookingMoved': {
        const { booking } = event;
        const here = booking.state === 'confirmed' && meets(card, booking);
        // What waits for approval takes nothing, there or here.
        if (booking.state === 'confirmed') {
          if (booking.from && meets(card, booking.from)) units += booking.from.units;
          if (here) units -= booking.units ?? 0;
          if (!booking.mine) changes += 1;
        }
        told.bookings.set(booking.id, here ? 'active' : booking.state === 'confirmed' ? 'over' : 'pending');
        yours = here && booking.mine;
        owner = here ? (booking.owner ?? null) : null;
        break;
      }
      case 'holdGranted':
        told.holds.push(event.hold);
        break;
      case 'holdRenewed': {
        // One that the search already counted must not be counted again.
        const at = told.holds.findIndex((hold) => isSame(hold, event.hold));
        if (at >= 0) told.holds[at] = event.hold;
        break;
      }
      case 'holdReleased':
      case 'holdExpired': {
        const at = told.holds.findIndex((hold) => isSame(hold, event.hold));
        if (at >= 0) told.holds.splice(at, 1);
        else if (!event.hold.mine) {
          units += event.hold.units;
          changes += 1;
        }
        break;
      }
      case 'blockAdded':
        block = event.block;
        changes += 1;
        break;
      case 'blockRemoved':
        if (block?.id === event.block.id) block = null;
        changes += 1;
        break;
      case 'resourceCreated':
      case 'resourceChanged':
      case 'resourceClosed':
      case 'resourceReopened':
      case 'overCommitLowered':
        changes += 1;
        break;
      // Who waits, came or was told changes nothing of what is free; what it led to is told besides.
      case 'bookingCheckedIn':
      case 'bookingHandedOver':
      case 'bookingOverrode':
      case 'holdOverrode':
      case 'bookingReminded':
      case 'waitlistJoined':
      case 'waitlistChanged':
      case 'waitlistOffered':
      case 'waitlistPromoted':
      case 'waitlistLeft':
        break;
    }
  }

  units = Math.min(units, card.capacity ?? Number.POSITIVE_INFINITY);
  const others = told.holds.filter((hold) => !hold.mine && Date.parse(hold.expires_at) > now);
  const held = others.reduce((sum, hold) => sum + hold.units, 0);
  const units_free = unlimited ? null : Math.max(0, units - held);
  return { mark: markOf(), units_free, changes: changes + others.length };

  function markOf(): Mark {
    if (yours) return { is: 'yours' };
    if (block) return { is: 'blocked', reason: block.reason };
    if (units <= 0 && (card.free || owner)) return { is: 'taken', owner };
    if (card.free && units - held <= 0) return { is: 'held' };
    // A card that was refused for another reason (too small, closed) stays so: units alone do not free it.
    if (!card.free && card.units_free !== null && card.units_free <= 0 && units - held > 0) return { is: 'freed' };
    return { is: 'unchanged' };
  }
}

/** The holds of others are told without their id; the same time and size is all there is to know them by. */
function isSame(one: LiveHold, other: LiveHold): boolean {
  if (one.id !== null || other.id !== null) return one.id === other.id;
  return one.start === other.start && one.end === other.end && one.units === other.units;
}

function touches(card: Card, event: LiveEvent): boolean {
  if ('booking' in event) return event.booking === null || !('id' in event.booking) || meets(card, event.booking) || meets(card, event.booking.from ?? {});
  if ('hold' in event) return !('start' in event.hold) || meets(card, event.hold);
  if ('block' in event) return meets(card, event.block);
  return true;
}

function meets(card: Card, { start, end }: Interval): boolean {
  return Boolean(start && end) && Date.parse(start!) < card.end && Date.parse(end!) > card.start;
}
