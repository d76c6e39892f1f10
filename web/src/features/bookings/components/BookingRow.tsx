// One booking of mine: what, where, when with zone, how it stands, and the way out of it while there is one.
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Booking, BookingState } from '../../../api/types';
import { Deadline } from '../../../components/Deadline';
import { StateBadge, type Tone } from '../../../components/StateBadge';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { writeClock, writeInstant } from '../../../lib/times';
import { useNow } from '../../../lib/useNow';
import { civilDate } from '../../../lib/zoned';
import { useAttempt } from '../../claim/useAttempt';
import css from './BookingRow.module.css';
import { Dates } from './Dates';
import { History } from './History';
import { Trouble } from './Trouble';
import { Undo } from './Undo';

const tones: Record<BookingState, Tone> = {
  confirmed: 'yours',
  pending: 'few',
  cancelled: 'off',
  checked_in: 'yours',
  no_show: 'off',
  displaced: 'taken',
};

export type Ask = 'cancel' | 'move' | 'edit' | 'swap';

interface Props {
  booking: Booking;
  onAsk: (what: Ask, booking: Booking) => void;
  /** In the narrow list beside the search only the two that are asked for most. */
  brief?: boolean;
  opened?: boolean;
}

export function BookingRow({ booking, onAsk, brief = false, opened = false }: Props) {
  const { t, i18n } = useTranslation();
  const now = useNow(15_000);
  const { send, progress, trouble } = useAttempt();
  const line = booking.lines[0];
  if (!line) return null;
  const rooms = booking.lines.map((one) => one.name).join(', ');
  const name = booking.title || rooms;
  const about = [
    booking.title ? rooms : null,
    booking.people !== null ? t('bookings.people', { count: booking.people }) : null,
    booking.occurrence ? t('series.date', { count: booking.occurrence.place + 1 }) : null,
  ].filter(Boolean);
  const active = booking.state === 'confirmed' || booking.state === 'pending' || booking.state === 'checked_in';
  const over = Date.parse(line.end) <= now;
  const began = Date.parse(line.start) <= now;
  // Until it begins needs no saying.
  const deadline = booking.cancel_by !== null && Date.parse(booking.cancel_by) < Date.parse(line.start) ? booking.cancel_by : null;
  // The dialog asks for one day and one room.
  const movable = booking.lines.length === 1 && civilDate(Date.parse(line.start), line.zone) === civilDate(Date.parse(line.end), line.zone);
  const tooLate = booking.cancel_by !== null && Date.parse(booking.cancel_by) <= now;
  const desk = booking.state === 'confirmed' ? booking.check_in : null;
  const deskOpen = desk !== null && Date.parse(desk.start) <= now && now < Date.parse(desk.end);
  const why = booking.state_reason;

  return (
    <li className={css.row} data-testid="booking-row" data-booking={booking.id} data-state={booking.state}>
      <div className={css.top}>
        <Link to="/bookings/$id" params={{ id: booking.id }} className={css.name}>{name}</Link>
        <StateBadge tone={over && active ? 'off' : tones[booking.state]}>
          {over && active ? t('bookings.over') : t(`bookings.${booking.state}`)}
        </StateBadge>
      </div>
      {about.length > 0 && <p className={css.soft}>{about.join(' · ')}</p>}
      {!active && why && <p className={css.soft}>{t('bookings.because', { reason: why })}</p>}
      <div className={css.time}>
        <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
      </div>
      {active && !over && (
        <div className={css.foot}>
          <span className={css.soft}>
            {desk && !deskOpen && now < Date.parse(desk.start)
              ? t('classes.checkInFrom', { from: writeClock(desk.start, line.zone, i18n.language), to: writeClock(desk.end, line.zone, i18n.language) })
              : deadline && (tooLate
                  ? t('bookings.cancelOver', { time: writeInstant(deadline, line.zone, i18n.language) })
                  : <Deadline at={deadline} zone={line.zone} says="bookings.cancelBy" />)}
          </span>
          <div className={css.actions}>
            {deskOpen && (
              <Button
                size="compact-md"
                data-testid="check-in"
                aria-label={t('classes.checkInNamed', { name })}
                aria-disabled={progress !== null}
                onClick={() => void send(`/api/bookings/${booking.id}/check-in`, {})}
              >
                {t('classes.checkIn')}
              </Button>
            )}
            {!brief && button('edit', 'edit-button', t('bookings.editShort'), t('bookings.editNamed', { name }))}
            {movable && button('move', 'move-button', t('bookings.moveShort'), t('bookings.moveNamed', { name }))}
            {!brief && !began && booking.state === 'confirmed' && button('swap', 'swap-button', t('bookings.swapShort'), t('bookings.swapNamed', { name }))}
            {!tooLate && button('cancel', 'cancel-button', t('bookings.cancelShort'), t('bookings.cancelNamed', { name }))}
          </div>
        </div>
      )}
      {trouble && <Trouble title={t('classes.notCheckedIn')} trouble={trouble} />}
      {booking.state === 'cancelled' && <Undo booking={booking} name={name} />}
      {!brief && <Dates booking={booking} open={opened} />}
      <History booking={booking} opened={opened} />
    </li>
  );

  function button(what: Ask, id: string, words: string, label: string) {
    return (
      <Button variant="subtle" color={what === 'cancel' ? 'red' : undefined} size="compact-md" data-testid={id} aria-label={label} onClick={() => onAsk(what, booking)}>
        {words}
      </Button>
    );
  }
}
