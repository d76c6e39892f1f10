// Whom something concerns: the bookings that would have to go, with whose they are and when.
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
import { TimeAndZone } from '../../../components/TimeAndZone';
import css from './Admin.module.css';

export function Affected({ bookings, empty }: { bookings: Booking[]; empty: string }) {
  const { t } = useTranslation();
  if (bookings.length === 0) return <p className={css.hint} data-testid="affected-none">{empty}</p>;
  return (
    <ul className={css.list} aria-label={t('admin.affected', { count: bookings.length })} data-testid="affected">
      {bookings.map((booking) => (
        <li key={booking.id} className={css.item}>
          <div className={css.main}>
            <b>{booking.owner?.name ?? t('admin.somebody')}{booking.title ? ` – ${booking.title}` : ''}</b>
            {booking.lines.slice(0, 3).map((line) => (
              <div key={`${line.resource} ${line.start}`}>
                <span>{line.name}{line.units > 1 ? ` × ${line.units}` : ''}</span>
                <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
              </div>
            ))}
          </div>
        </li>
      ))}
    </ul>
  );
}
