// Makes a booking somebody else's: to whom and why, and both are told.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { useAct } from '../act';
import css from './Admin.module.css';
import { Affected } from './Affected';
import { Picker, type Picked } from './Picker';
import { Reason } from './Reason';
import { Trouble } from './Trouble';

export function HandOver({ booking, onClose }: { booking: Booking; onClose: () => void }) {
  const { t } = useTranslation();
  const [to, setTo] = useState<Picked | null>(null);
  const [reason, setReason] = useState('');
  const { act, busy, trouble } = useAct();
  const ready = to !== null && reason.trim() !== '';
  async function carryOut() {
    const done = await act({ path: `/api/bookings/${booking.id}/hand-over`, body: { to: to!.id, reason: reason.trim() }, ifMatch: booking.revision });
    if (!done) return;
    notifications.show({ message: t('admin.handOver.done', { name: to!.name }), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }
  return (
    <Sheet onClose={onClose} title={t('admin.handOver.title')} size={540} testId="hand-over">
      <div className={css.cards}>
        <Affected bookings={[booking]} empty="" />
        <Picker what="person" label={t('admin.handOver.to')} value={to} onPick={setTo} />
        <Reason value={reason} onChange={setReason} />
        <Trouble trouble={trouble} />
        <Button loading={busy} aria-disabled={!ready} data-testid="hand-over-save" onClick={() => ready && void carryOut()}>
          {to ? t('admin.handOver.named', { name: to.name }) : t('admin.handOver.do')}
        </Button>
      </div>
    </Sheet>
  );
}
