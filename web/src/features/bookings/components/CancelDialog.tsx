// Asks once more before a booking is given up, and names it.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
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

  async function go() {
    if (!(await send({}))) return;
    notifications.show({ message: t('bookings.cancelled_done'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} title={t('bookings.cancelTitle')}>
      <p className={css.name}>{booking.title ? `${booking.title} – ${rooms}` : rooms}</p>
      <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
      <p className={css.text}>{t('bookings.cancelText', { name: rooms })}</p>
      {trouble && <Trouble title={t('bookings.cancelFailed')} trouble={trouble} />}
      <div className={css.foot}>
        <Button variant="default" size="md" data-autofocus onClick={onClose}>{t('bookings.keep')}</Button>
        <Button color="red" size="md" aria-disabled={progress !== null} onClick={() => void go()} data-testid="cancel-confirm-button">
          {progress === null ? t('bookings.cancel') : progress === 'checking' ? t('claim.checking') : t('bookings.cancelling')}
        </Button>
      </div>
    </Sheet>
  );
}
