// Asks once more before a booking is given up, and names it; whoever takes it from somebody else says why, since its owner is told.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, CancelRequest } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Sheet } from '../../../components/Sheet';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { useAttempt } from '../../claim/useAttempt';
import { undo_ms } from '../undo';
import { addressOf, fromOf, isDate, type Scope } from '../scope';
import { serverNow } from '../../../lib/serverClock';
import css from './CancelDialog.module.css';
import { ScopeChoice } from './ScopeChoice';
import { Trouble } from './Trouble';
import { Why } from './Why';

interface Props {
  booking: Booking;
  /** From then on it counts as if it had been had. */
  lateFrom?: string | null;
  onClose: () => void;
}

export default function CancelDialog({ booking, lateFrom = null, onClose }: Props) {
  const { t } = useTranslation();
  const { send, progress, trouble } = useAttempt();
  const [scope, setScope] = useState<Scope>('this');
  const late = lateFrom !== null && Date.parse(lateFrom) <= serverNow();
  const line = booking.lines[0]!;
  const rooms = booking.lines.map((one) => one.name).join(', ');

  const [reason, setReason] = useState('');
  const [asked, setAsked] = useState(false);
  const why = reason.trim();
  const missing = !booking.mine && why === '';

  async function go(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    if (missing || progress !== null) return;
    const body: Partial<CancelRequest> = booking.mine ? {} : { reason: why };
    if (!(await send(addressOf(booking, scope, 'cancel'), { ...fromOf(booking, scope), ...body }))) return;
    notifications.show({ message: t('bookings.cancelled_done'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} title={t('bookings.cancelTitle')}>
      <form onSubmit={(event) => void go(event)} noValidate>
        <p className={css.name}>{booking.title ? `${booking.title} – ${rooms}` : rooms}</p>
        <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
        {isDate(booking) && <ScopeChoice scope={scope} onChange={setScope} />}
        <p className={css.text}>
          {t('bookings.cancelText', { name: rooms })}
          {booking.mine && scope === 'this' && ` ${t('bookings.cancelUndo', { count: undo_ms / 1000 })}`}
        </p>
        {late && <Notice tone="few" icon="warning" title={t('classes.cancelLate')}>{t('classes.lateNow')}</Notice>}
        {!booking.mine && <Why value={reason} onChange={setReason} missing={asked && missing} focus testId="cancel-reason" />}
        {trouble && <Trouble title={t('bookings.cancelFailed')} trouble={trouble} />}
        <div className={css.foot}>
          <Button variant="default" size="md" data-autofocus={booking.mine || undefined} onClick={onClose}>{t('bookings.keep')}</Button>
          <Button type="submit" color="red" size="md" aria-disabled={missing || progress !== null} data-testid="cancel-confirm-button">
            {progress === null ? t('bookings.cancel') : progress === 'checking' ? t('claim.checking') : t('bookings.cancelling')}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
