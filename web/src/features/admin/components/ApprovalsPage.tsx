// Requests that wait for an admin: let them in or refuse them, with a reason, or make them somebody else's.
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
  const [answered, setAnswered] = useState<{ booking: Booking; by: 'approve' | 'decline' } | null>(null);
  const [handed, setHanded] = useState<Booking | null>(null);
  return (
    <Page title={t('admin.ways.approvals')}>
      <Unread error={found.error} />
      {found.isPending && <Skeleton height={200} radius="lg" aria-label={t('common.loading')} />}
      {found.isSuccess && items.length === 0 && <Notice tone="few" icon="check" title={t('admin.approvals.none')} />}
      <ul className={css.list} data-testid="approvals">
        {items.map((booking) => <Request key={booking.id} booking={booking} onAnswer={(by) => setAnswered({ booking, by })} onHandOver={() => setHanded(booking)} />)}
      </ul>
      {found.hasNextPage && (
        <div className={css.foot}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t('admin.more')}</Button>
        </div>
      )}
      {answered && <Answer {...answered} onClose={() => setAnswered(null)} />}
      {handed && <HandOver booking={handed} onClose={() => setHanded(null)} />}
    </Page>
  );
}

function Request({ booking, onAnswer, onHandOver }: { booking: Booking; onAnswer: (by: 'approve' | 'decline') => void; onHandOver: () => void }) {
  const { t } = useTranslation();
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
      </div>
      <div className={css.row}>
        <Button size="sm" aria-label={`${t('admin.approvals.approve')}: ${name}`} data-testid="approve" onClick={() => onAnswer('approve')}>
          {t('admin.approvals.approve')}
        </Button>
        <Button size="sm" variant="default" aria-label={`${t('admin.approvals.decline')}: ${name}`} onClick={() => onAnswer('decline')}>{t('admin.approvals.decline')}</Button>
        <Button size="sm" variant="default" aria-label={`${t('admin.handOver.do')}: ${name}`} onClick={onHandOver}>{t('admin.handOver.do')}</Button>
      </div>
    </li>
  );
}

function Answer({ booking, by, onClose }: { booking: Booking; by: 'approve' | 'decline'; onClose: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const { act, busy, trouble } = useAct();
  const why = reason.trim();
  const name = booking.owner?.name ?? t('admin.somebody');

  async function save() {
    if (!why) return;
    // A request is declined as it was read; whatever it is by now, it may be approved if it fits.
    const seen = by === 'decline' ? { ifMatch: booking.revision } : {};
    if (await act({ path: `/api/bookings/${booking.id}/${by}`, body: { reason: why }, ...seen })) onClose();
  }

  return (
    <Sheet onClose={onClose} title={t(`admin.approvals.${by}Title`)}>
      <div className={css.cards}>
        <Reason value={reason} onChange={setReason} />
        <Trouble trouble={trouble} />
        <Button color={by === 'decline' ? 'red.9' : undefined} loading={busy} aria-disabled={!why} data-testid={`${by}-save`} onClick={() => void save()}>
          {t(`admin.approvals.${by}Named`, { name })}
        </Button>
      </div>
    </Sheet>
  );
}
