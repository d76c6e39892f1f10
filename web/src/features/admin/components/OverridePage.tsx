// A booking against a rule: only in a mode that shows itself on every page and ends by itself, with the rule that is broken and whom
// it concerns seen first, and a reason that they read.
import { Button, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Displacement, ProblemBody } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Page } from '../../../components/Page';
import { ask, LostAnswer, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import { staleOf, useAct } from '../act';
import { beginOverride, overrideLeft, useOverrideUntil } from '../override';
import css from './Admin.module.css';
import { Affected } from './Affected';
import { Picker, type Picked } from './Picker';
import { Reason } from './Reason';
import { Trouble } from './Trouble';

interface Seen {
  /** What an ordinary booking would be told; null if it would be had. */
  broken: ProblemBody | null;
  displacement: Displacement;
}

export default function OverridePage() {
  const { t } = useTranslation();
  const on = useOverrideUntil() > 0;
  return (
    <Page title={t('admin.ways.override')}>
      {on ? (
        <Form />
      ) : (
        <section className={`panel ${css.card}`}>
          <p>{t('admin.override.what')}</p>
          <Button data-testid="override-begin" onClick={() => beginOverride()}>{t('admin.override.begin')}</Button>
        </section>
      )}
    </Page>
  );
}

function Form() {
  const { t } = useTranslation();
  const [resource, setResource] = useState<Picked | null>(null);
  const [person, setPerson] = useState<Picked | null>(null);
  const [times, setTimes] = useState({ start: '', end: '' });
  const [title, setTitle] = useState('');
  const [reason, setReason] = useState('');
  const [seen, setSeen] = useState<Seen | null>(null);
  const [unread, setUnread] = useState<string | null>(null);
  const [done, setDone] = useState<string | null>(null);
  const { act, busy, trouble, clear } = useAct();
  const ready = resource !== null && person !== null && times.start !== '' && times.end > times.start;
  const lines = [{ resource: resource?.id ?? '', ...times, units: 1 }];
  const forget = () => {
    setSeen(null);
    setDone(null);
    clear();
  };

  async function look(event?: FormEvent) {
    event?.preventDefault();
    if (!ready) return;
    forget();
    setUnread(null);
    try {
      // Whoever books for somebody says why; what is only tried keeps nothing of it.
      const plain = { command: 'book', lines, for: person.id, reason: t('admin.override.preview') };
      const [would, displacement] = await Promise.all([
        ask<ProblemBody>('/api/attempts/dry-run', { method: 'POST', body: plain }),
        ask<Displacement>(`/api/resources/${resource.id}/displacement-preview`, { method: 'POST', body: { book: { lines, for: person.id } } }),
      ]);
      setSeen({ broken: would.outcome === 'REJECTED' ? would : null, displacement });
    } catch (cause) {
      setUnread(cause instanceof Problem ? refusalSentence(t, cause.body) : cause instanceof LostAnswer ? t('common.noAnswer') : t('refusal.other'));
    }
  }

  async function save() {
    // The mode may have ended while the form was open.
    if (!seen || !reason.trim() || !person || overrideLeft() === 0) return;
    const body = { lines, for: person.id, ...(title.trim() ? { title: title.trim() } : {}), override: { reason: reason.trim(), displaces: seen.displacement.displaces } };
    const booked = await act({ path: '/api/bookings', body });
    if (!booked?.booking) return;
    setSeen(null);
    setDone(booked.booking.id);
  }

  const stale = staleOf(trouble) !== null;
  const count = seen?.displacement.bookings.length ?? 0;
  return (
    <div className={css.cards}>
      <form className={`panel ${css.card}`} onSubmit={(event) => void look(event)}>
        <div className={css.fields}>
          <Picker what="resource" label={t('admin.field.resource')} value={resource} onPick={(one) => { setResource(one); forget(); }} />
          <Picker what="person" label={t('admin.override.for')} value={person} onPick={(one) => { setPerson(one); forget(); }} />
          <TextInput label={t('admin.field.title')} value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
          <TextInput type="datetime-local" required label={t('admin.field.start')} value={times.start} onChange={(event) => { setTimes({ ...times, start: event.currentTarget.value }); forget(); }} />
          <TextInput type="datetime-local" required label={t('admin.field.end')} value={times.end} error={times.end !== '' && times.end <= times.start ? t('search.order') : undefined} onChange={(event) => { setTimes({ ...times, end: event.currentTarget.value }); forget(); }} />
        </div>
        <div className={css.foot}>
          <Button type="submit" variant="default" aria-disabled={!ready} data-testid="override-preview">{t('admin.override.preview')}</Button>
        </div>
        {unread && <Notice tone="taken" urgent title={t('admin.refused')}>{unread}</Notice>}
      </form>
      {seen && (
        <section className={`panel ${css.card}`} aria-label={t('admin.override.preview')} data-testid="override-seen">
          <div className={css.cards}>
            {seen.broken ? (
              <Notice tone="few" icon="warning" title={t('admin.override.broken')}>
                <p style={{ margin: 0 }} data-testid="override-broken" data-code={seen.broken.code}>{refusalSentence(t, seen.broken)}</p>
              </Notice>
            ) : (
              <Notice tone="few" title={t('admin.override.notNeeded')} />
            )}
            {seen.displacement.refused ? (
              <Notice tone="taken" icon="ban" title={t('admin.override.never')}>{seen.displacement.detail ?? seen.displacement.refused}</Notice>
            ) : (
              <>
                <Affected bookings={seen.displacement.bookings} empty={t('admin.override.nobody')} />
                <div className={css.fields}><Reason value={reason} onChange={setReason} /></div>
                {stale ? <Notice tone="few" urgent icon="warning" title={t('admin.stale')}>{t('admin.lookAgain')}</Notice> : <Trouble trouble={trouble} />}
                <div className={css.row}>
                  {stale && <Button variant="default" onClick={() => void look()}>{t('admin.override.preview')}</Button>}
                  <Button color="red.9" loading={busy} aria-disabled={!reason.trim() || stale} data-testid="override-save" onClick={() => !stale && void save()}>
                    {t('admin.override.save', { count, name: resource?.name ?? '' })}
                  </Button>
                </div>
              </>
            )}
          </div>
        </section>
      )}
      {done && (
        <div role="status">
          <Notice tone="few" icon="check" title={t('admin.override.done')}>
            <Link to="/admin/audit" search={{ booking: done }} data-testid="override-record">{t('admin.toRecord')}</Link>
          </Notice>
        </div>
      )}
    </div>
  );
}
