// How much of a resource there is: the change is seen first, with the bookings above it and what becomes of them; then it is made.
import { Button, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Displacement, Resource } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { ask, LostAnswer, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import { staleOf, useAct } from '../act';
import css from './Admin.module.css';
import { Affected } from './Affected';
import { Reason } from './Reason';
import { Trouble } from './Trouble';

type Below = 'over_commit' | 'displace_newest';

export function Capacity({ resource, may }: { resource: Resource; may: boolean }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(resource.capacity === null ? '' : String(resource.capacity));
  const [seen, setSeen] = useState<(Displacement & { to: number | null }) | null>(null);
  const [below, setBelow] = useState<Below>('over_commit');
  const [reason, setReason] = useState('');
  const [unread, setUnread] = useState<string | null>(null);
  const { act, busy, trouble, clear } = useAct();
  const to = typed === '' ? null : Number(typed);
  const cut = to !== null && (resource.capacity === null || to < resource.capacity);
  const above = seen !== null && seen.bookings.length > 0;
  const stale = staleOf(trouble);

  async function preview() {
    clear();
    setUnread(null);
    if (!cut) return setSeen({ to, displaces: [], bookings: [], policy_version: resource.policy_version, used: 0, refused: null, detail: null, as_of: resource.as_of });
    try {
      const answer = await ask<Displacement>(`/api/resources/${resource.id}/displacement-preview`, { method: 'POST', body: { capacity: { to } } });
      setSeen({ ...answer, to });
    } catch (cause) {
      setUnread(cause instanceof Problem ? refusalSentence(t, cause.body) : cause instanceof LostAnswer ? t('common.noAnswer') : t('refusal.other'));
    }
  }

  async function save() {
    if (!seen) return;
    const body = {
      to: seen.to,
      seen_used: seen.used,
      reason: reason.trim(),
      ...(above ? { below, ...(below === 'displace_newest' ? { displaces: seen.displaces } : {}) } : {}),
    };
    const done = await act({ path: `/api/resources/${resource.id}/capacity`, body, ifMatch: seen.policy_version });
    if (!done) return;
    setSeen(null);
    setReason('');
    notifications.show({ message: t('admin.saved'), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
  }

  return (
    <section className={`panel ${css.card}`} aria-labelledby="capacity-title" data-testid="capacity">
      <h2 id="capacity-title">{t('admin.capacity.title')}</h2>
      <p className={css.hint}>
        {resource.capacity === null ? t('admin.capacity.unlimited') : t('admin.capacity.now', { count: resource.capacity })}
        {resource.over_commit > 0 && <> {t('admin.capacity.over', { count: resource.over_commit })}</>}
      </p>
      {may && <form
        className={css.row}
        onSubmit={(event) => {
          event.preventDefault();
          void preview();
        }}
      >
        <TextInput
          type="number"
          min={1}
          label={t('admin.capacity.new')}
          description={t('admin.capacityHint')}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setSeen(null);
            clear();
          }}
        />
        <Button type="submit" variant="default" mt={22} aria-disabled={to === resource.capacity}>{t('admin.capacity.preview')}</Button>
      </form>}
      {unread && <Notice tone="taken" urgent title={t('admin.refused')}>{unread}</Notice>}
      {seen && (
        <div className={css.cards} style={{ marginTop: 16 }} data-testid="capacity-preview">
          <p style={{ margin: 0 }}>
            <span className={css.from}>{resource.capacity ?? '∞'}</span> → <span className={css.to}>{seen.to ?? '∞'}</span>
            {cut && <span className={css.soft}> · {t('admin.capacity.used', { count: seen.used })}</span>}
          </p>
          {seen.refused ? (
            <Notice tone="taken" icon="warning" title={t('admin.refused')}>{seen.detail ?? refusalSentence(t, { code: seen.refused })}</Notice>
          ) : (
            <>
              {cut && <Affected bookings={seen.bookings} empty={t('admin.capacity.none')} />}
              {above && (
                <fieldset className={css.list} style={{ border: 0, padding: 0, margin: 0 }}>
                  <legend style={{ fontWeight: 620, padding: 0, marginBottom: 6 }}>{t('admin.capacity.above', { count: seen.bookings.length })}</legend>
                  {(['over_commit', 'displace_newest'] as const).map((one) => (
                    <label key={one} className={css.side2}>
                      <input type="radio" name="below" checked={below === one} onChange={() => setBelow(one)} />
                      <span>{t(`admin.capacity.${one}`, { count: seen.bookings.length })}</span>
                    </label>
                  ))}
                </fieldset>
              )}
              <div className={css.fields}><Reason value={reason} onChange={setReason} /></div>
              {stale ? <Notice tone="few" urgent icon="warning" title={t('admin.stale')}>{t('admin.lookAgain')}</Notice> : <Trouble trouble={trouble} />}
              <div className={css.row}>
                {stale && <Button onClick={() => void preview()}>{t('admin.capacity.preview')}</Button>}
                <Button
                  loading={busy}
                  color={above && below === 'displace_newest' ? 'red.9' : undefined}
                  aria-disabled={stale !== null || !reason.trim()}
                  data-testid="capacity-save"
                  onClick={() => !stale && reason.trim() && void save()}
                >
                  {above && below === 'displace_newest' ? t('admin.capacity.saveDisplace', { count: seen.bookings.length }) : t('admin.capacity.save')}
                </Button>
              </div>
            </>
          )}
        </div>
      )}
    </section>
  );
}
