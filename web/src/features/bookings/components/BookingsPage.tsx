// All that is mine: what is offered to me and held for me first, then what I have booked, what I wait for, and what is over.
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entry } from '../../../api/types';
import { ListState } from '../../../components/ListState';
import { Page } from '../../../components/Page';
import { useParamsOfAddress } from '../../../lib/address';
import { viewerZone } from '../../../lib/times';
import { HoldRow } from '../../holds/components/HoldRow';
import { useMyHolds, useResource } from '../../holds/queries';
import { useFollow } from '../../live/useFollow';
import { EntryRow } from '../../waitlist/components/EntryRow';
import { Offer } from '../../waitlist/components/Offer';
import { isOpen, useMyEntries } from '../../waitlist/queries';
import { useMyBookings, usePastBookings } from '../queries';
import { BookingRow, type Ask } from './BookingRow';
import css from './BookingsPage.module.css';
import { Dialogs, type Asked } from './Dialogs';
import type { Booking } from '../../../api/types';

const shows = ['upcoming', 'waiting', 'past'] as const;
type Show = (typeof shows)[number];

export default function BookingsPage() {
  const { t } = useTranslation();
  const asked = useParamsOfAddress().get('show');
  const show = shows.find((one) => one === asked) ?? 'upcoming';
  const entries = useMyEntries();
  const holds = useMyHolds();
  const waiting = useMemo(() => entries.data?.items.filter(isOpen) ?? [], [entries.data]);
  const offers = waiting.filter((entry) => entry.offer !== null);
  // An offer is a hold, shown as what it is.
  const held = (holds.data?.items ?? []).filter((hold) => !offers.some((entry) => entry.offer?.id === hold.id));
  // What was there when the page opened stands first. What comes later stands at the foot of the window, where it moves nothing.
  const [opened, setOpened] = useState<ReadonlySet<string> | null>(null);
  if (opened === null && entries.data && holds.data) setOpened(new Set([...offers, ...held].map(({ id }) => id)));
  const first = ({ id }: { id: string }) => opened === null || opened.has(id);
  const [later, laterHeld] = [offers.filter((one) => !first(one)), held.filter((one) => !first(one))];
  const followed = useMemo(() => [...new Set(waiting.map((entry) => entry.resource))].map((id) => ({ id, epoch: 0, version: 0 })), [waiting]);
  useFollow(followed, () => void entries.refetch());

  return (
    <Page title={t('bookings.title')}>
      {offers.some(first) && (
        <section aria-label={t('waitlist.offers')} className={css.block}>
          {offers.filter(first).map((entry) => <MyOffer key={entry.id} entry={entry} />)}
        </section>
      )}
      {held.some(first) && (
        <section aria-label={t('bookings.holds')} className={`panel ${css.block} ${css.padded}`}>
          <h2 className={css.subtitle}>{t('bookings.holds')}</h2>
          <ul className="plain">{held.filter(first).map((hold) => <HoldRow key={hold.id} hold={hold} />)}</ul>
        </section>
      )}
      <nav className={css.tabs} aria-label={t('bookings.sections')}>
        {shows.map((one) => (
          <Link key={one} to="/bookings" search={(one === 'upcoming' ? {} : { show: one }) as never} className={css.tab} data-open={one === show} aria-current={one === show ? 'page' : undefined}>
            {t(`bookings.shows.${one}`)}
            {one === 'waiting' && waiting.length > 0 && <span className={css.count}>{waiting.length}</span>}
          </Link>
        ))}
      </nav>
      {show === 'waiting' ? <Waiting entries={entries} /> : <Booked show={show} />}
      {later.length + laterHeld.length > 0 && (
        <aside className={css.later} aria-label={t('bookings.later')}>
          {later.map((entry) => <MyOffer key={entry.id} entry={entry} />)}
          {laterHeld.length > 0 && <ul className={`plain panel ${css.padded}`}>{laterHeld.map((hold) => <HoldRow key={hold.id} hold={hold} />)}</ul>}
        </aside>
      )}
    </Page>
  );
}

function MyOffer({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  const resource = useResource(entry.resource).data;
  return (
    <Offer
      entry={entry.id}
      name={resource?.name ?? t('bookings.unknownRoom')}
      zone={resource?.zone ?? viewerZone}
      granted_at={entry.offer!.granted_at}
      expires_at={entry.offer!.expires_at}
    />
  );
}

function Booked({ show }: { show: Exclude<Show, 'waiting'> }) {
  const { t } = useTranslation();
  const upcoming = useMyBookings();
  const past = usePastBookings(show === 'past');
  const list = show === 'past' ? past : upcoming;
  const pages: { items: Booking[] }[] = list.data?.pages ?? [];
  const items = [...new Map(pages.flatMap((page) => page.items).map((one) => [one.id, one])).values()];
  const [asked, setAsked] = useState<Asked | null>(null);
  const ask = (what: Ask, booking: Booking) => setAsked({ what, booking });
  return (
    <>
      <ListState
        query={list}
        skeletons={{ count: 3, height: 120 }}
        isEmpty={items.length === 0}
        empty={{
          title: show === 'past' ? t('bookings.pastEmptyTitle') : t('bookings.emptyTitle'),
          text: show === 'past' ? t('bookings.pastEmpty') : t('bookings.empty'),
          way: show === 'past' ? undefined : <Button component={Link} to="/">{t('bookings.find')}</Button>,
        }}
      >
        <ul className={`plain panel ${css.padded}`} data-testid="my-bookings">
          {items.map((booking) => <BookingRow key={booking.id} booking={booking} onAsk={ask} />)}
        </ul>
      </ListState>
      {list.hasNextPage && (
        <Button variant="default" fullWidth mt="md" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {show === 'past' ? t('bookings.earlier') : t('bookings.more')}
        </Button>
      )}
      <Dialogs asked={asked} onClose={() => setAsked(null)} />
    </>
  );
}

function Waiting({ entries }: { entries: ReturnType<typeof useMyEntries> }) {
  const { t } = useTranslation();
  const items = entries.data?.items ?? [];
  return (
    <ListState query={entries} skeletons={{ count: 3, height: 96 }} isEmpty={items.length === 0} empty={{ title: t('waitlist.emptyTitle'), text: t('waitlist.empty') }}>
      <ul className={`plain panel ${css.padded}`}>
        {items.toSorted((a, b) => Number(isOpen(b)) - Number(isOpen(a))).map((entry) => <EntryRow key={entry.id} entry={entry} />)}
      </ul>
    </ListState>
  );
}
