// The bookings to come of one resource, each of which can be made somebody else's or cancelled, with a reason.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, Resource } from '../../../api/types';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { useBookings } from '../queries';
import css from './Admin.module.css';
import { HandOver } from './HandOver';
import { Unread } from './Trouble';

export function Bookings({ resource, may }: { resource: Resource; may: boolean }) {
  const { t } = useTranslation();
  const found = useBookings('confirmed', resource.id);
  const items = found.data?.pages.flatMap(({ items: page }) => page) ?? [];
  const [handed, setHanded] = useState<Booking | null>(null);
  return (
    <section className={`panel ${css.card}`} aria-labelledby="bookings-title" data-testid="resource-bookings">
      <h2 id="bookings-title">{t('admin.bookings.title')}</h2>
      <Unread error={found.error} />
      {found.isSuccess && items.length === 0 && <p className={css.hint}>{t('admin.bookings.none')}</p>}
      <ul className={css.list}>
        {items.map((booking) => {
          const line = booking.lines.find((one) => one.resource === resource.id) ?? booking.lines[0]!;
          return (
            <li key={booking.id} className={css.item} data-booking={booking.id}>
              <div className={css.main}>
                <h3>{booking.owner?.name ?? t('admin.somebody')}{booking.title ? ` – ${booking.title}` : ''}</h3>
                <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
              </div>
              {may && <Button variant="default" size="sm" aria-label={`${t('admin.handOver.do')}: ${booking.title ?? booking.owner?.name ?? ''}`} onClick={() => setHanded(booking)}>{t('admin.handOver.do')}</Button>}
            </li>
          );
        })}
      </ul>
      {found.hasNextPage && (
        <div className={css.foot}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t('admin.more')}</Button>
        </div>
      )}
      {handed && <HandOver booking={handed} onClose={() => setHanded(null)} />}
    </section>
  );
}
