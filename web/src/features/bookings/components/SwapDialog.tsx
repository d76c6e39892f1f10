// Lets two bookings of mine take each other's places, in one step: neither place is lost in between.
import { Button, Radio } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { serverNow } from '../../../lib/serverClock';
import { writeInterval } from '../../../lib/times';
import { useAttempt } from '../../claim/useAttempt';
import { useMyBookings } from '../queries';
import css from './CancelDialog.module.css';
import { Trouble } from './Trouble';

export default function SwapDialog({ booking, onClose }: { booking: Booking; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const { send, progress, trouble } = useAttempt();
  const [other, setOther] = useState<string | null>(null);
  const others = (useMyBookings().data?.pages.flatMap((page) => page.items) ?? []).filter(
    (one) => one.id !== booking.id && one.state === 'confirmed' && one.lines.every((line) => Date.parse(line.start) > serverNow()),
  );

  async function swap(event: FormEvent) {
    event.preventDefault();
    const chosen = others.find((one) => one.id === other);
    if (!chosen) return;
    if (!(await send(`/api/bookings/${booking.id}/swap`, { with: chosen.id, revision: booking.revision, with_revision: chosen.revision }))) return;
    notifications.show({ message: t('bookings.swapped'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} title={t('bookings.swapTitle')} testId="swap-dialog">
      <form onSubmit={(event) => void swap(event)}>
        <p className={css.name}>{wordsOf(booking)}</p>
        <p className={css.text}>{t('bookings.swapText')}</p>
        {others.length === 0 && <p>{t('bookings.swapNone')}</p>}
        <Radio.Group label={t('bookings.swapWith')} value={other} onChange={setOther} hidden={others.length === 0}>
          {others.map((one) => <Radio key={one.id} value={one.id} label={wordsOf(one)} py={6} />)}
        </Radio.Group>
        {trouble && <Trouble title={t('bookings.notSwapped')} trouble={trouble} />}
        <div className={css.foot}>
          <Button variant="default" size="md" onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" size="md" aria-disabled={other === null || progress !== null} data-testid="swap-confirm-button">{t('bookings.swap')}</Button>
        </div>
      </form>
    </Sheet>
  );

  function wordsOf(one: Booking): string {
    const line = one.lines[0]!;
    const rooms = one.lines.map(({ name }) => name).join(', ');
    return `${one.title ? `${one.title} – ${rooms}` : rooms}, ${writeInterval(line.start, line.end, line.zone, i18n.language)}`;
  }
}
