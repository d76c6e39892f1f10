// Asks once more before a booking is given up, and names it; whoever takes it from somebody else says why, since its owner is told.
import { Button, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, CancelRequest } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { useChange } from '../mutations';
import css from './CancelDialog.module.css';
import { Trouble } from './Trouble';

export default function CancelDialog({ booking, onClose }: { booking: Booking; onClose: () => void }) {
  const { t } = useTranslation();
  const { send, progress, trouble } = useChange(booking, 'cancel');
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
    if (!(await send(booking.mine ? {} : ({ reason: why } satisfies CancelRequest)))) return;
    notifications.show({ message: t('bookings.cancelled_done'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} title={t('bookings.cancelTitle')}>
      <form onSubmit={(event) => void go(event)} noValidate>
        <p className={css.name}>{booking.title ? `${booking.title} – ${rooms}` : rooms}</p>
        <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
        <p className={css.text}>{t('bookings.cancelText', { name: rooms })}</p>
        {!booking.mine && (
          <Textarea
            label={t('bookings.cancelWhy')}
            description={t('bookings.cancelWhyText')}
            value={reason}
            maxLength={500}
            rows={3}
            required
            data-autofocus
            data-testid="cancel-reason"
            error={asked && missing ? t('bookings.cancelWhyMissing') : null}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        )}
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
