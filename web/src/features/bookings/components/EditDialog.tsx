// Edits what people say about a booking: its title, what it is for, how many come. Somebody else's edit since is never overwritten.
import { Button, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { useAttempt } from '../../claim/useAttempt';
import { addressOf, fromOf, isDate, type Scope } from '../scope';
import css from './CancelDialog.module.css';
import { ScopeChoice } from './ScopeChoice';
import { Trouble } from './Trouble';
import { Why } from './Why';

export default function EditDialog({ booking, onClose }: { booking: Booking; onClose: () => void }) {
  const { t } = useTranslation();
  const { send, progress, trouble } = useAttempt();
  const [scope, setScope] = useState<Scope>('this');
  const [title, setTitle] = useState(booking.title ?? '');
  const [purpose, setPurpose] = useState(booking.purpose ?? '');
  const [people, setPeople] = useState(booking.people);
  const [reason, setReason] = useState('');
  const [asked, setAsked] = useState(false);
  const why = booking.mine ? {} : { reason: reason.trim() };
  const missing = !booking.mine && reason.trim() === '';

  async function save(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    if (missing) return;
    const details = { title: title.trim() || null, purpose: purpose.trim() || null, people };
    const alone = scope === 'this' || !isDate(booking);
    const answer = alone
      ? await send(addressOf(booking, scope, ''), { ...details, ...why }, { method: 'PATCH', ifMatch: booking.revision })
      : await send(addressOf(booking, scope, ''), { ...fromOf(booking, scope), details, ...why }, { method: 'PATCH' });
    if (!answer) return;
    notifications.show({ message: t('bookings.edited'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} title={t('bookings.editTitle')} testId="edit-dialog">
      <form onSubmit={(event) => void save(event)}>
        {isDate(booking) && <ScopeChoice scope={scope} onChange={setScope} />}
        <div className={css.stack}>
          <TextInput label={t('claim.titleField')} maxLength={200} data-autofocus value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
          <Textarea label={t('claim.purpose')} rows={2} maxLength={2000} value={purpose} onChange={(event) => setPurpose(event.currentTarget.value)} />
          <TextInput
            type="number"
            inputMode="numeric"
            min={1}
            label={t('claim.people')}
            value={people ?? ''}
            onChange={(event) => setPeople(Number.parseInt(event.currentTarget.value, 10) || null)}
          />
        </div>
        {!booking.mine && <Why value={reason} onChange={setReason} missing={asked && missing} />}
        {trouble && <Trouble title={t('bookings.notEdited')} trouble={trouble} />}
        <div className={css.foot}>
          <Button variant="default" size="md" onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" size="md" aria-disabled={progress !== null} data-testid="edit-confirm-button">{t('bookings.save')}</Button>
        </div>
      </form>
    </Sheet>
  );
}
