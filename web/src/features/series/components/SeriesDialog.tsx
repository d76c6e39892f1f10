// Booking the same every week or so: all dates are shown before, each with whether it is free and why not; single ones are left out or put
// elsewhere; and what shall happen if somebody is faster is chosen, not assumed.
import { Button, NativeSelect, Radio, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { SearchItem, SeriesDate, SeriesPreview, SeriesRequest } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Sheet } from '../../../components/Sheet';
import { StateBadge } from '../../../components/StateBadge';
import { ask, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import { writeInterval, writeZone } from '../../../lib/times';
import { civilDate, civilTime } from '../../../lib/zoned';
import { Trouble } from '../../bookings/components/Trouble';
import { useAttempt } from '../../claim/useAttempt';
import { dates_max, paces, writeRule, type Exceptions, type Pace } from '../rule';
import css from './Series.module.css';

const contracts = ['skip_conflicts', 'all_or_nothing', 'best_alternative'] as const;

export default function SeriesDialog({ item, onClose }: { item: SearchItem; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const { resource } = item;
  const { send, progress, trouble } = useAttempt();
  const [pace, setPace] = useState<Pace>('weekly');
  const [count, setCount] = useState(5);
  const [title, setTitle] = useState('');
  const [contract, setContract] = useState<(typeof contracts)[number]>('skip_conflicts');
  const [exceptions, setExceptions] = useState<Exceptions>(new Map());
  const [moving, setMoving] = useState<string | null>(null);
  const civil = (at: string) => `${civilDate(Date.parse(at), resource.zone)}T${civilTime(Date.parse(at), resource.zone)}`;
  const request: SeriesRequest = { resource: resource.id, start: civil(item.start), end: civil(item.end), rule: writeRule(pace, count, exceptions), contract };
  const preview = useQuery({
    queryKey: ['series-preview', JSON.stringify(request)],
    queryFn: ({ signal }) => ask<SeriesPreview>('/api/series/preview', { method: 'POST', body: request, signal }),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    retry: false,
  });
  const dates = preview.data?.dates ?? [];
  const free = dates.filter((date) => date.became !== 'refused').length;
  const set = (date: string, what: 'skip' | { to: string } | null) => {
    const next = new Map(exceptions);
    if (what === null) next.delete(date);
    else next.set(date, what);
    setExceptions(next);
    setMoving(null);
  };

  async function book(event: FormEvent) {
    event.preventDefault();
    const answer = await send('/api/series', { ...request, ...(title.trim() ? { title: title.trim() } : {}) });
    if (!answer) return;
    const had = (answer as { dates?: SeriesDate[] }).dates?.filter((date) => date.became === 'booked' || date.became === 'booked_elsewhere').length ?? 0;
    notifications.show({ message: t('series.booked', { count: had }), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} size={620} title={t('series.title', { name: resource.name })} testId="series-dialog">
      <form onSubmit={(event) => void book(event)}>
        <p className={css.soft}>{t('series.first', { time: writeInterval(item.start, item.end, resource.zone, i18n.language) })} ({writeZone(item.start, resource.zone, i18n.language)})</p>
        <div className={css.fields}>
          <NativeSelect
            label={t('series.pace')}
            data={paces.map((one) => ({ value: one, label: t(`series.paces.${one}`) }))}
            value={pace}
            onChange={(event) => {
              setPace(event.currentTarget.value as Pace);
              setExceptions(new Map());
            }}
          />
          <TextInput
            type="number"
            inputMode="numeric"
            min={1}
            max={dates_max}
            label={t('series.count')}
            value={count}
            onChange={(event) => setCount(Math.min(dates_max, Math.max(1, Number.parseInt(event.currentTarget.value, 10) || 1)))}
          />
          <TextInput label={t('claim.titleField')} maxLength={200} value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
        </div>
        <p role="status" className={css.summary}>{preview.data ? t('series.summary', { free, count: dates.length }) : t('common.loading')}</p>
        {preview.isError && <Notice urgent tone="few" icon="warning">{preview.error instanceof Problem ? refusalSentence(t, preview.error.body) : t('common.noAnswer')}</Notice>}
        <ol className={css.dates} aria-label={t('series.dates')} data-testid="series-dates">
          {dates.map((date) => (
            <DateRow key={date.given.start} date={date} zone={resource.zone} exceptions={exceptions} isMoving={moving === date.given.start} onMoving={setMoving} onSet={set} />
          ))}
          {[...exceptions].filter(([, what]) => what === 'skip').map(([date]) => (
            <li key={date} className={css.date} data-testid="series-date" data-became="skipped">
              <span className={css.left}>{writeInterval(`${date.slice(0, 16)}Z`, `${date.slice(0, 16)}Z`, 'UTC', i18n.language).split(' – ')[0]}</span>
              <StateBadge tone="off">{t('series.skipped')}</StateBadge>
              <Button size="compact-sm" variant="subtle" onClick={() => set(date, null)}>{t('series.putBack')}</Button>
            </li>
          ))}
        </ol>
        <Radio.Group label={t('series.contract')} value={contract} onChange={(value) => setContract(value as typeof contract)} mt={14}>
          {contracts.map((one) => <Radio key={one} value={one} label={t(`series.contracts.${one}`)} py={5} />)}
        </Radio.Group>
        {trouble && <Trouble title={t('claim.refusedTitle')} trouble={trouble} />}
        <div className={css.foot}>
          <Button variant="default" size="md" onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" size="md" data-testid="series-confirm" aria-disabled={progress !== null || free === 0}>
            {progress === null ? t('series.book', { count: contract === 'all_or_nothing' ? dates.length : free }) : t('claim.confirming')}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}

interface RowProps {
  date: SeriesDate;
  zone: string;
  exceptions: Exceptions;
  isMoving: boolean;
  onMoving: (date: string | null) => void;
  onSet: (date: string, what: 'skip' | { to: string } | null) => void;
}

function DateRow({ date, zone, exceptions, isMoving, onMoving, onSet }: RowProps) {
  const { t, i18n } = useTranslation();
  const when = writeInterval(date.start, date.end, zone, i18n.language);
  // A date that was put here goes back to where the rule has it.
  const origin = [...exceptions].find(([, what]) => what !== 'skip' && what.to.slice(0, 16) === date.given.start.slice(0, 16))?.[0];
  const refused = date.became === 'refused';
  return (
    <li className={css.date} data-testid="series-date" data-became={date.became} data-start={date.given.start}>
      <span className={css.left}>
        {when}
        {date.met !== 'once' && <span className={css.soft}>{t(`series.met.${date.met}`)}</span>}
        {refused && <span className={css.soft}>{refusalSentence(t, { code: date.code ?? '', witness: date.witness, detail: date.detail ?? undefined })}</span>}
        {date.elsewhere && <span className={css.soft}>{t('series.elsewhere', { time: writeInterval(date.elsewhere.start, date.elsewhere.end, zone, i18n.language) })}</span>}
      </span>
      <StateBadge tone={refused ? 'taken' : date.became === 'free_elsewhere' ? 'few' : 'free'}>{t(refused ? 'series.taken' : date.became === 'free_elsewhere' ? 'series.otherTime' : 'series.free')}</StateBadge>
      <span className={css.ways}>
        {origin ? (
          <Button size="compact-sm" variant="subtle" onClick={() => onSet(origin, null)}>{t('series.putBack')}</Button>
        ) : (
          <>
            <Button size="compact-sm" variant="subtle" data-testid="skip-date" aria-label={t('series.skipNamed', { when })} onClick={() => onSet(date.given.start, 'skip')}>{t('series.skip')}</Button>
            <Button size="compact-sm" variant="subtle" data-testid="move-date" aria-label={t('series.moveNamed', { when })} aria-expanded={isMoving} onClick={() => onMoving(isMoving ? null : date.given.start)}>{t('bookings.moveShort')}</Button>
          </>
        )}
      </span>
      {isMoving && <MoveDate date={date} onSet={onSet} />}
    </li>
  );
}

function MoveDate({ date, onSet }: Pick<RowProps, 'date' | 'onSet'>) {
  const { t } = useTranslation();
  const [to, setTo] = useState(date.given.start.slice(0, 16));
  return (
    <span className={css.move}>
      <TextInput type="datetime-local" step={900} label={t('series.moveTo')} value={to} onChange={(event) => setTo(event.currentTarget.value.slice(0, 16))} />
      <Button variant="light" data-testid="move-date-confirm" aria-disabled={to.length < 16} onClick={() => to.length === 16 && onSet(date.given.start, { to })}>{t('bookings.moveShort')}</Button>
    </span>
  );
}
