// Requests that wait for an admin: let them in, refuse them with a reason, or make them somebody else's.
import { Button, Skeleton } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Page } from '../../../components/Page';
import { Sheet } from '../../../components/Sheet';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { useAct } from '../act';
import { useBookings } from '../queries';
import css from './Admin.module.css';
import { HandOver } from './HandOver';
import { Reason } from './Reason';
import { Trouble, Unread } from './Trouble';

export default function ApprovalsPage() {
  const { t } = useTranslation();
  const found = useBookings('pending');
  const items = found.data?.pages.flatMap(({ items: page }) => page) ?? [];
  const [refused, setRefused] = useState<Booking | null>(null);
  const [handed, setHanded] = useState<Booking | null>(null);
  return (
    <Page title={t('admin.ways.approvals')}>
      <Unread error={found.error} />
      {found.isPending && <Skeleton height={200} radius="lg" aria-label={t('common.loading')} />}
      {found.isSuccess && items.length === 0 && <Notice tone="few" icon="check" title={t('admin.approvals.none')} />}
      <ul className={css.list} data-testid="approvals">
        {items.map((booking) => <Request key={booking.id} booking={booking} onRefuse={() => setRefused(booking)} onHandOver={() => setHanded(booking)} />)}
      </ul>
      {found.hasNextPage && (
        <div className={css.foot}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t('admin.more')}</Button>
        </div>
      )}
      {refused && <Refuse booking={refused} onClose={() => setRefused(null)} />}
      {handed && <HandOver booking={handed} onClose={() => setHanded(null)} />}
    </Page>
  );
}

function Request({ booking, onRefuse, onHandOver }: { booking: Booking; onRefuse: () => void; onHandOver: () => void }) {
  const { t } = useTranslation();
  const { act, busy, trouble } = useAct();
  const name = `${booking.owner?.name ?? t('admin.somebody')}${booking.title ? ` – ${booking.title}` : ''}`;
  return (
    <li className={css.item} data-booking={booking.id}>
      <div className={css.main}>
        <h2 style={{ margin: '0 0 4px', fontSize: 16 }}>{name}</h2>
        {booking.lines.map((line) => (
          <div key={`${line.resource} ${line.start}`}>
            <b>{line.name}</b>
            <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
          </div>
        ))}
        {booking.purpose && <p className={css.soft}>{booking.purpose}</p>}
        <Trouble trouble={trouble} />
      </div>
      <div className={css.row}>
        <Button size="sm" loading={busy} aria-label={`${t('admin.approvals.approve')}: ${name}`} data-testid="approve" onClick={() => void act({ path: `/api/bookings/${booking.id}/approve`, body: {} })}>
          {t('admin.approvals.approve')}
        </Button>
        <Button size="sm" variant="default" aria-label={`${t('admin.approvals.decline')}: ${name}`} onClick={onRefuse}>{t('admin.approvals.decline')}</Button>
        <Button size="sm" variant="default" aria-label={`${t('admin.handOver.do')}: ${name}`} onClick={onHandOver}>{t('admin.handOver.do')}</Button>
      </div>
    </li>
  );
}

function Refuse({ booking, onClose }: { booking: Booking; onClose: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const { act, busy, trouble } = useAct();
  return (
    <Sheet onClose={onClose} title={t('admin.approvals.declineTitle')}>
      <div className={css.cards}>
        <Reason value={reason} onChange={setReason} />
        <Trouble trouble={trouble} />
        <Button
          color="red.9"
          loading={busy}
          aria-disabled={!reason.trim()}
          data-testid="decline-save"
          onClick={() => reason.trim() && void act({ path: `/api/bookings/${booking.id}/decline`, body: { reason: reason.trim() }, ifMatch: booking.revision }).then((done) => done && onClose())}
        >
          {t('admin.approvals.declineNamed', { name: booking.owner?.name ?? t('admin.somebody') })}
        </Button>
      </div>
    </Sheet>
  );
}
