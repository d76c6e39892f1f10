// What becomes of a row when something is heard of it. Only for drawing; where the event does not say enough, the row is to be
// read again.
import type { TimelineItem, TimelineRow } from '../../api/types';
import type { LiveEvent } from '../live/marks';
import { compareVersions } from '../live/versions';
import { isShared } from './timeline';

/** The row after the event; null if it must be read again. */
export function foldRow(row: TimelineRow, event: LiveEvent): TimelineRow | null {
  if (compareVersions(event, row) <= 0 && event.part <= 1) return row;
  if (isShared(row)) return null;
  const items = foldItems(row.items, event);
  return items && { ...row, items, epoch: event.epoch, version: event.version };
}

function foldItems(items: TimelineItem[], event: LiveEvent): TimelineItem[] | null {
  switch (event.name) {
    case 'bookingCreated':
    case 'bookingMoved':
    case 'bookingChanged': {
      const { id, start, end, mine, owner, state } = event.booking;
      const others = items.filter((item) => item.id !== id);
      // Of one that has left there is no time any more; of one whose words were edited nothing is new here.
      if (!start || !end) return event.name === 'bookingChanged' ? items : others;
      if (state && !['confirmed', 'pending', 'checked_in'].includes(state)) return others;
      const was = items.find((item) => item.id === id);
      const around = was && was.start === start && was.end === end ? was : null;
      return [
        ...others,
        {
          ...nothing,
          kind: 'booking',
          id,
          start,
          end,
          taken_from: around?.taken_from ?? start,
          taken_until: around?.taken_until ?? end,
          state: state ?? 'confirmed',
          mine,
          owner: owner ?? null,
          title: was?.title ?? null,
        },
      ];
    }
    case 'bookingCanceled':
    case 'bookingDisplaced':
    case 'bookingNoShow':
      return items.filter((item) => item.id !== event.booking.id);
    case 'holdGranted':
    case 'holdRenewed': {
      const { id, start, end, mine, expires_at } = event.hold;
      const hold: TimelineItem = { ...nothing, kind: 'hold', id, start, end, taken_from: start, taken_until: end, state: 'held', mine, expires_at };
      return [...withoutHold(items, event.hold), hold];
    }
    case 'holdReleased':
    case 'holdExpired':
      return withoutHold(items, event.hold);
    case 'blockAdded': {
      const { id, start, end, reason } = event.block;
      const block: TimelineItem = { ...nothing, kind: 'block', id, start, end, taken_from: start, taken_until: end, state: 'blocked', title: reason };
      return [...items.filter((item) => item.id !== id), block];
    }
    case 'blockRemoved':
      return items.filter((item) => item.id !== event.block.id);
    // Who waits or was reminded takes no time of it.
    case 'bookingReminded':
    case 'holdOverrode':
    case 'waitlistJoined':
    case 'waitlistChanged':
    case 'waitlistOffered':
    case 'waitlistPromoted':
    case 'waitlistLeft':
      return items;
    case 'bookingCheckedIn':
    case 'bookingHandedOver':
    case 'bookingOverrode':
    case 'resourceCreated':
    case 'resourceChanged':
    case 'resourceClosed':
    case 'resourceReopened':
    case 'overCommitLowered':
      return null;
  }
}

const nothing = { mine: false, owner: null, title: null, expires_at: null };

/** The holds of others are told without their id: the same time is all there is to know one by. */
function withoutHold(items: TimelineItem[], { id, start, end }: { id: string | null; start: string; end: string }): TimelineItem[] {
  const at = items.findIndex(
    (item) => item.kind === 'hold' && (id !== null ? item.id === id : item.id === null && item.start === start && item.end === end),
  );
  return at < 0 ? items : items.toSpliced(at, 1);
}
