// Asks once more before a booking is given up, and names it.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Sheet } from '../../../components/Sheet';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { refusalSentence } from '../../../lib/refusals';
import { useCancel } from '../mutations';
import css from './CancelDialog.module.css';

export default function CancelDialog({ booking, onClose }: { booking: Booking; onClose: () => void }) {
  const { t } = useTranslation();
  const { cancel, progress, trouble } = useCancel(booking);
  const line = booking.lines[0]!;
  const rooms = booking.lines.map((one) => one.name).join(', ');

  async function go() {
    if (!(await cancel())) return;
    notifications.show({ message: t('bookings.cancelled_done'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} title={t('bookings.cancelTitle')}>
      <p className={css.name}>{booking.title ? `${booking.title} – ${rooms}` : rooms}</p>
      <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
      <p className={css.text}>{t('bookings.cancelText', { name: rooms })}</p>
      {trouble && (
        <Notice urgent tone="few" icon="warning" title={t('bookings.cancelFailed')}>
          {trouble.end === 'unknown'
            ? t('claim.unknownTitle')
            : trouble.end === 'never_arrived'
              ? t('claim.neverArrivedTitle')
              : refusalSentence(t, trouble.problem)}
        </Notice>
      )}
      <div className={css.foot}>
        <Button variant="default" size="md" data-autofocus onClick={onClose}>{t('bookings.keep')}</Button>
        <Button color="red" size="md" aria-disabled={progress !== null} onClick={() => void go()} data-testid="cancel-confirm-button">
          {progress === null ? t('bookings.cancel') : progress === 'checking' ? t('claim.checking') : t('bookings.cancelling')}
        </Button>
      </div>
    </Sheet>
  );
}
