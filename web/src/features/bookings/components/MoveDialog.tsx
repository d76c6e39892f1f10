// Puts a booking of one room at another time, or into another room where that time is taken. The server reads the times in the
// room's zone; the old place is kept unless the new one is had.
import { Button, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, BookingLine, MoveRequest } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { isLostRace } from '../../../lib/refusals';
import { serverNow } from '../../../lib/serverClock';
import { civilDate, civilTime } from '../../../lib/zoned';
import { useAttempt } from '../../claim/useAttempt';
import { ConflictPanel } from '../../claim/components/ConflictPanel';
import { defaultFilters, isOrdered, type Filters } from '../../search/filters';
import { addressOf, fromOf, isDate, type Scope } from '../scope';
import css from './CancelDialog.module.css';
import { ScopeChoice } from './ScopeChoice';
import { Trouble } from './Trouble';
import { Why } from './Why';

export default function MoveDialog({ booking, onClose }: { booking: Booking; onClose: () => void }) {
  const { t } = useTranslation();
  const { send, progress, trouble } = useAttempt();
  const [scope, setScope] = useState<Scope>('this');
  const [reason, setReason] = useState('');
  const [asked, setAsked] = useState(false);
  const why = booking.mine ? {} : { reason: reason.trim() };
  const missing = !booking.mine && reason.trim() === '';
  const line = booking.lines[0]!;
  const [filters, setFilters] = useState<Filters>(() => ({
    ...defaultFilters(serverNow()),
    ...placeOf(line),
    people: booking.people,
  }));
  // What is refused belongs to the time it was refused for.
  const [refusedAt, setRefusedAt] = useState<string | null>(null);
  const ordered = isOrdered(filters);
  const here = `${filters.date} ${filters.from} ${filters.to}`;
  const was = placeOf(line);
  const same = here === `${was.date} ${was.from} ${was.to}`;
  const name = booking.title ? `${booking.title} – ${line.name}` : line.name;
  const lost = trouble?.end === 'refused' && refusedAt === here && isLostRace(trouble.problem.code) ? trouble.problem : null;
  const change = (one: Partial<Filters>) => setFilters({ ...filters, ...one });

  async function move(to: MoveRequest['lines'][number]) {
    setAsked(true);
    if (missing) return;
    setRefusedAt(here);
    const { resource, start, end } = to;
    const body = scope === 'this' || !isDate(booking) ? ({ lines: [to], ...why } satisfies MoveRequest) : { ...fromOf(booking, scope), resource, start, end, ...why };
    if (!(await send(addressOf(booking, scope, 'move'), body))) return;
    // What was refused on the way here is settled.
    notifications.clean();
    notifications.show({ message: t('bookings.moved_done'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!ordered || same || progress !== null) return;
    const { resource, units } = line;
    void move({ resource, units, start: `${filters.date}T${filters.from}`, end: `${filters.date}T${filters.to}` });
  }

  return (
    <Sheet onClose={onClose} title={t('bookings.moveTitle')} testId="move-dialog">
      <form onSubmit={submit}>
        <p className={css.name}>{name}</p>
        <TimeAndZone start={line.start} end={line.end} zone={line.zone} />
        {isDate(booking) && <ScopeChoice scope={scope} onChange={setScope} />}
        <p className={css.text}>{t(scope === 'this' ? 'bookings.moveText' : 'series.moveText')}</p>
        <div className={css.fields}>
          <TextInput
            type="date"
            label={t('search.date')}
            value={filters.date}
            data-autofocus
            onChange={(event) => event.currentTarget.value && change({ date: event.currentTarget.value })}
          />
          <TextInput
            type="time"
            step={900}
            label={t('search.from')}
            value={filters.from}
            onChange={(event) => event.currentTarget.value && change({ from: event.currentTarget.value.slice(0, 5) })}
          />
          <TextInput
            type="time"
            step={900}
            label={t('search.to')}
            value={filters.to}
            error={ordered ? null : t('search.order')}
            onChange={(event) => event.currentTarget.value && change({ to: event.currentTarget.value.slice(0, 5) })}
          />
        </div>
        {!booking.mine && <Why value={reason} onChange={setReason} missing={asked && missing} />}
        {lost && (
          <ConflictPanel
            problem={lost}
            refused={{ resource: { id: line.resource }, start: `${filters.date}T${filters.from}`, end: `${filters.date}T${filters.to}` }}
            moves
            filters={filters}
            onTake={({ resource, start, end }) => void move({ resource: resource.id, units: line.units, start, end })}
          />
        )}
        {trouble && !lost && refusedAt === here && <Trouble title={t('bookings.moveFailed')} trouble={trouble} />}
        <div className={css.foot}>
          <Button variant="default" size="md" onClick={onClose}>{t('bookings.keep')}</Button>
          <Button type="submit" size="md" aria-disabled={!ordered || same || progress !== null} data-testid="move-confirm-button">
            {progress === null ? t('bookings.move') : progress === 'checking' ? t('claim.checking') : t('bookings.moving')}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}

function placeOf({ start, end, zone }: BookingLine): Pick<Filters, 'date' | 'from' | 'to'> {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  return { date: civilDate(from, zone), from: civilTime(from, zone), to: civilTime(to, zone) };
}
