// Time out of use: what is blocked and why, a new block with whom it does not concern, and who would have to go for it.
import { Button, Checkbox, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Displacement, Resource } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { ask, LostAnswer, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import { staleOf, useAct } from '../act';
import css from './Admin.module.css';
import { Affected } from './Affected';
import { Picker, type Picked } from './Picker';
import { Reason } from './Reason';
import { Trouble } from './Trouble';

export function Blocks({ resource, may }: { resource: Resource; may: boolean }) {
  const { t } = useTranslation();
  const remove = useAct();
  const [removing, setRemoving] = useState<string | null>(null);
  const [why, setWhy] = useState('');
  const choose = (block: string | null) => {
    remove.clear();
    setWhy('');
    setRemoving(block);
  };

  async function carryOut(block: string) {
    const wish = { path: `/api/resources/${resource.id}/blocks/${block}/remove`, body: { reason: why.trim() }, ifMatch: resource.policy_version };
    if (await remove.act(wish)) choose(null);
  }

  return (
    <section className={`panel ${css.card}`} aria-labelledby="blocks-title" data-testid="blocks">
      <h2 id="blocks-title">{t('admin.blocks.title')}</h2>
      {resource.blocks.length === 0 && <p className={css.hint}>{t('admin.blocks.none')}</p>}
      <ul className={css.list}>
        {resource.blocks.map((block) => (
          <li key={block.id} className={css.item} data-block={block.id}>
            <div className={css.main}>
              <h3>{block.reason}</h3>
              <TimeAndZone start={block.start} end={block.end} zone={resource.zone} />
              {block.except_people.length + block.except_bookings.length > 0 && (
                <p className={css.soft}>{t('admin.blocks.exceptions', { count: block.except_people.length + block.except_bookings.length })}</p>
              )}
            </div>
            {may && <Button
              variant="default"
              size="sm"
              aria-label={`${t('admin.blocks.remove')}: ${block.reason}`}
              aria-expanded={removing === block.id}
              onClick={() => choose(removing === block.id ? null : block.id)}
            >
              {t('admin.blocks.remove')}
            </Button>}
            {removing === block.id && (
              <form
                style={{ flexBasis: '100%' }}
                data-testid="block-remove"
                onSubmit={(event) => {
                  event.preventDefault();
                  if (why.trim()) void carryOut(block.id);
                }}
              >
                <div className={css.fields}><Reason value={why} onChange={setWhy} /></div>
                <Trouble trouble={remove.trouble} />
                <div className={css.foot}>
                  <Button type="submit" loading={remove.busy} aria-disabled={!why.trim()} data-testid="block-remove-save">{t('admin.blocks.remove')}</Button>
                </div>
              </form>
            )}
          </li>
        ))}
      </ul>
      {may && <NewBlock resource={resource} />}
    </section>
  );
}

function NewBlock({ resource }: { resource: Resource }) {
  const { t } = useTranslation();
  const [times, setTimes] = useState({ start: '', end: '' });
  const [reason, setReason] = useState('');
  const [people, setPeople] = useState<Picked[]>([]);
  const [stay, setStay] = useState<string[]>([]);
  const [seen, setSeen] = useState<Displacement | null>(null);
  const [unread, setUnread] = useState<string | null>(null);
  const { act, busy, trouble, clear } = useAct();
  const stale = staleOf(trouble);
  const ready = times.start !== '' && times.end > times.start && reason.trim() !== '';

  async function preview(except = people, bookings = stay) {
    clear();
    setUnread(null);
    const block = { ...times, except_people: except.map(({ id }) => id), except_bookings: bookings };
    try {
      setSeen(await ask<Displacement>(`/api/resources/${resource.id}/displacement-preview`, { method: 'POST', body: { block } }));
    } catch (cause) {
      setUnread(cause instanceof Problem ? refusalSentence(t, cause.body) : cause instanceof LostAnswer ? t('common.noAnswer') : t('refusal.other'));
    }
  }

  async function save() {
    if (!seen) return;
    const body = {
      ...times,
      reason: reason.trim(),
      except_people: people.map(({ id }) => id),
      except_bookings: stay,
      over_holds: true,
      ...(seen.displaces.length > 0 ? { displaces: seen.displaces } : {}),
    };
    if (!(await act({ path: `/api/resources/${resource.id}/blocks`, body, ifMatch: seen.policy_version }))) return;
    setSeen(null);
    setTimes({ start: '', end: '' });
    setReason('');
    setPeople([]);
    setStay([]);
  }

  const change = (part: Partial<typeof times>) => {
    setTimes({ ...times, ...part });
    setSeen(null);
  };

  return (
    <form
      style={{ marginTop: 18 }}
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void preview();
      }}
    >
      <h3>{t('admin.blocks.new')}</h3>
      <div className={css.fields}>
        <TextInput type="datetime-local" required label={t('admin.field.start')} value={times.start} onChange={(event) => change({ start: event.currentTarget.value })} />
        <TextInput type="datetime-local" required label={t('admin.field.end')} value={times.end} error={times.end !== '' && times.end <= times.start ? t('search.order') : undefined} onChange={(event) => change({ end: event.currentTarget.value })} />
        <Reason value={reason} onChange={setReason} />
        <Picker
          what="person"
          label={t('admin.blocks.exceptPerson')}
          value={null}
          onPick={(picked) => {
            if (!picked) return;
            setPeople([...people.filter(({ id }) => id !== picked.id), picked]);
            setSeen(null);
          }}
        />
      </div>
      {people.length > 0 && (
        <div className={css.row} style={{ marginTop: 10 }}>
          {people.map((one) => (
            <Button key={one.id} size="compact-sm" variant="light" onClick={() => { setPeople(people.filter(({ id }) => id !== one.id)); setSeen(null); }} aria-label={t('admin.blocks.drop', { name: one.name })}>
              {one.name} ×
            </Button>
          ))}
        </div>
      )}
      <div className={css.foot}>
        <Button type="submit" variant="default" aria-disabled={!ready}>{t('admin.blocks.preview')}</Button>
      </div>
      {unread && <Notice tone="taken" urgent title={t('admin.refused')}>{unread}</Notice>}
      {seen && (
        <div className={css.cards} style={{ marginTop: 14 }} data-testid="block-preview">
          <Affected bookings={seen.bookings} empty={t('admin.blocks.nobody')} />
          {seen.bookings.length > 0 && (
            <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
              <legend style={{ fontWeight: 620, padding: 0 }}>{t('admin.blocks.stay')}</legend>
              {seen.bookings.map((booking) => (
                <Checkbox
                  key={booking.id}
                  my={8}
                  label={`${booking.owner?.name ?? t('admin.somebody')}${booking.title ? ` – ${booking.title}` : ''}`}
                  checked={stay.includes(booking.id)}
                  onChange={(event) => {
                    const next = event.currentTarget.checked ? [...stay, booking.id] : stay.filter((id) => id !== booking.id);
                    setStay(next);
                    void preview(people, next);
                  }}
                />
              ))}
            </fieldset>
          )}
          {stale ? <Notice tone="few" urgent icon="warning" title={t('admin.stale')}>{t('admin.lookAgain')}</Notice> : <Trouble trouble={trouble} />}
          <div className={css.row}>
            <Button loading={busy} color={seen.bookings.length > 0 ? 'red.9' : undefined} data-testid="block-save" onClick={() => (stale ? void preview() : void save())}>
              {stale ? t('admin.blocks.preview') : seen.bookings.length > 0 ? t('admin.blocks.saveDisplace', { count: seen.bookings.length }) : t('admin.blocks.save')}
            </Button>
          </div>
        </div>
      )}
    </form>
  );
}
