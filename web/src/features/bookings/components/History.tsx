// What happened to a booking, read when somebody asks for it.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, History as Told, HistoryStep } from '../../../api/types';
import { ask } from '../../../lib/http';
import { writeInstant, writeInterval } from '../../../lib/times';
import css from './BookingRow.module.css';

export function History({ booking, opened = false }: { booking: Booking; opened?: boolean }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(opened);
  const history = useQuery({
    enabled: open,
    queryKey: ['bookings', booking.id, 'history'],
    queryFn: ({ signal }) => ask<Told>(`/api/bookings/${booking.id}/history`, { signal }),
  });
  const zone = booking.lines[0]?.zone ?? 'UTC';

  function what({ what: step, state, from, to, reason }: HistoryStep): string {
    if (step === 'made' && state === 'pending') return t('history.asked');
    if (step === 'cancelled' && reason) return t('history.cancelledWhy', { reason });
    if (step === 'displaced' && reason) return t('history.displacedWhy', { reason });
    const place = to[0];
    if (step !== 'moved' || !place) return t(`history.${step}`);
    const time = writeInterval(place.start, place.end, place.zone, i18n.language);
    const name = to.map((line) => line.name).join(', ');
    return from.length === to.length && from[0]?.resource === place.resource
      ? t('history.moved', { time })
      : t('history.movedTo', { name, time });
  }

  return (
    <details className={css.history} open={open} onToggle={(event) => setOpen(event.currentTarget.open)} data-testid="history">
      <summary>{t('history.show')}</summary>
      {history.isError && <p className={css.soft} role="alert">{t('history.failed')}</p>}
      <ol>
        {history.data?.steps.map((step) => (
          <li key={`${step.attempt} ${step.revision}`} data-what={step.what}>
            {what(step)}
            <span className={css.soft}>
              {writeInstant(step.decided_at, zone, i18n.language)}
              {step.by && <> · <span className={css.who}>{step.by.name}</span></>}
            </span>
          </li>
        ))}
      </ol>
      {history.data?.more && <p className={css.soft}>{t('history.more')}</p>}
    </details>
  );
}
