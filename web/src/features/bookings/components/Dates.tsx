// The dates of a series: each with how it stands, read when somebody asks for them.
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useState } from 'react';
import type { Booking } from '../../../api/types';
import { writeInterval } from '../../../lib/times';
import { useSeries } from '../queries';
import css from './BookingRow.module.css';

export function Dates({ booking, open: opened = false }: { booking: Booking; open?: boolean }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(opened);
  const series = useSeries(open ? (booking.occurrence?.series ?? null) : null);
  if (!booking.occurrence) return null;
  return (
    <details className={css.history} open={open} onToggle={(event) => setOpen(event.currentTarget.open)} data-testid="dates">
      <summary>{t('series.dates')}</summary>
      {series.isError && <p className={css.soft} role="alert">{t('series.failed')}</p>}
      <ol>
        {series.data?.bookings.map((one) => {
          const line = one.lines[0];
          const words = line ? writeInterval(line.start, line.end, line.zone, i18n.language) : '';
          return (
            <li key={one.id} data-state={one.state}>
              {one.id === booking.id ? <strong>{words}</strong> : <Link to="/bookings/$id" params={{ id: one.id }} className={css.date}>{words}</Link>}
              {one.state !== 'confirmed' && <span className={css.soft}>{t(`bookings.${one.state}`)}</span>}
            </li>
          );
        })}
      </ol>
    </details>
  );
}
