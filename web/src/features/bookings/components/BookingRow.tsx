// One booking of mine: what, where, when with zone, how it stands, and the way out of it while there is one.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Booking, BookingState } from '../../../api/types';
import { StateBadge, type Tone } from '../../../components/StateBadge';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { serverNow } from '../../../lib/serverClock';
import { writeInstant } from '../../../lib/times';
import { civilDate } from '../../../lib/zoned';
import css from './BookingRow.module.css';
import { History } from './History';

const tones: Record<BookingState, Tone> = {
  confirmed: 'yours',
  pending: 'few',
  cancelled: 'off',
  checked_in: 'yours',
  no_show: 'off',
  displaced: 'taken',
};

interface Props {
  booking: Booking;
  onCancel: (booking: Booking) => void;
  onMove: (booking: Booking) => void;
}

export function BookingRow({ booking, onCancel, onMove }: Props) {
  const { t, i18n } = useTranslation();
  const line = booking.lines[0];
  if (!line) return null;
  const rooms = booking.lines.map((one) => one.name).join(', ');
  const name = booking.title || rooms;
  const about = [booking.title ? rooms : null, booking.people !== null ? t('bookings.people', { count: booking.people }) : null].filter(Boolean);
  const active = booking.state === 'confirmed' || booking.state === 'pending' || booking.state === 'checked_in';
  const over = Date.parse(line.end) <= serverNow();
  // Until it begins needs no saying.
  const deadline = booking.cancel_by !== null && Date.parse(booking.cancel_by) < Date.parse(line.start) ? booking.cancel_by : null;
  // The dialog asks for one day and one room.
  const movable = booking.lines.length === 1 && civilDate(Date.parse(line.start), line.zone) === civilDate(Date.parse(line.end), line.zone);
  const tooLate = booking.cancel_by !== null && Date.parse(booking.cancel_by) <= serverNow();
  return (
    <li className={css.row} data-testid="booking-row" data-booking={booking.id} data-state={booking.state}>
      <div className={css.top}>
        <span className={css.name}>{name}</span>
        <StateBadge tone={over && active ? 'off' : tones[booking.state]}>
          {over && active ? t('bookings.over') : t(`bookings.${booking.state}`)}
        </StateBadge>
      </div>
      {about.length > 0 && <p className={css.soft}>{about.join(' · ')}</p>}
      <div className={css.time}>
        <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
      </div>
      {active && !over && (
        <div className={css.foot}>
          <span className={css.soft}>
            {deadline &&
              t(tooLate ? 'bookings.cancelOver' : 'bookings.cancelBy', { time: writeInstant(deadline, line.zone, i18n.language) })}
          </span>
          <div className={css.actions}>
            {movable && (
              <Button
                variant="subtle"
                size="compact-md"
                data-testid="move-button"
                aria-label={t('bookings.moveNamed', { name })}
                onClick={() => onMove(booking)}
              >
                {t('bookings.moveShort')}
              </Button>
            )}
            {!tooLate && (
              <Button
                variant="subtle"
                color="red"
                size="compact-md"
                data-testid="cancel-button"
                aria-label={t('bookings.cancelNamed', { name })}
                onClick={() => onCancel(booking)}
              >
                {t('bookings.cancelShort')}
              </Button>
            )}
          </div>
        </div>
      )}
      <History booking={booking} />
    </li>
  );
}
