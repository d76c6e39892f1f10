// Beside the search: what I have booked, soonest first, and what is held for me. All of it has a screen of its own.
import { Button, Skeleton } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { HoldRow } from '../../holds/components/HoldRow';
import { useMyHolds } from '../../holds/queries';
import { useMyBookings } from '../queries';
import { BookingRow } from './BookingRow';
import { Dialogs, type Asked } from './Dialogs';
import css from './MyBookings.module.css';

interface Props {
  /** A hold that the open dialog shows already. */
  hiddenHoldOf: string | null;
}

export function MyBookings({ hiddenHoldOf }: Props) {
  const { t } = useTranslation();
  const bookings = useMyBookings();
  const holds = useMyHolds();
  const [asked, setAsked] = useState<Asked | null>(null);
  const items = bookings.data?.pages.flatMap((page) => page.items) ?? [];
  const held = (holds.data?.items ?? []).filter((hold) => hold.resource !== hiddenHoldOf);

  return (
    <section className={`panel ${css.panel}`} aria-labelledby="my-bookings" data-testid="my-bookings">
      <h2 className={css.title} id="my-bookings" tabIndex={-1}>{t('bookings.title')}</h2>
      {bookings.isPending && <div aria-hidden="true">{[0, 1].map((one) => <Skeleton key={one} height={104} mt={12} radius="md" />)}</div>}
      {bookings.isError && (
        <div className={css.empty} role="alert">
          <p>{t('bookings.errorTitle')}</p>
          <Button size="sm" onClick={() => void bookings.refetch()}>{t('common.retry')}</Button>
        </div>
      )}
      {bookings.isSuccess && items.length === 0 && (
        <div className={css.empty}>
          <p className={css.emptyTitle}>{t('bookings.emptyTitle')}</p>
          <p>{t('bookings.empty')}</p>
        </div>
      )}
      <ul className={css.list}>
        {items.map((booking) => <BookingRow key={booking.id} brief booking={booking} onAsk={(what, one) => setAsked({ what, booking: one })} />)}
      </ul>
      {bookings.hasNextPage && (
        <Button variant="default" fullWidth mt="md" loading={bookings.isFetchingNextPage} onClick={() => void bookings.fetchNextPage()}>
          {t('bookings.more')}
        </Button>
      )}
      {/* Below, and always in sight: what comes and goes by itself moves nothing that somebody is about to click. */}
      {held.length > 0 && (
        <div className={css.held}>
          <h3 className={css.subtitle}>{t('bookings.holds')}</h3>
          <ul className={css.list}>
            {held.map((hold) => <HoldRow key={hold.id} hold={hold} />)}
          </ul>
        </div>
      )}
      <Dialogs asked={asked} onClose={() => setAsked(null)} />
    </section>
  );
}
