// Who keeps units of a resource just now, and until when; whoever manages it ends a hold or has it last, with a reason.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Hold, Resource } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { serverNow } from '../../../lib/serverClock';
import { writeClock } from '../../../lib/times';
import { useFollow } from '../../live/useFollow';
import { useAct } from '../act';
import { useHoldsOn } from '../queries';
import css from './Admin.module.css';
import { Reason } from './Reason';
import { Trouble, Unread } from './Trouble';

/** A hold lasts no longer than this after it was granted, whoever says so. */
const longest_ms = 300_000;
const minute_ms = 60_000;

export function Holds({ resource, may }: { resource: Resource; may: boolean }) {
  const { t, i18n } = useTranslation();
  const holds = useHoldsOn(resource.id);
  const items = holds.data?.items ?? [];
  const [changed, setChanged] = useState<Hold | null>(null);
  const followed = useMemo(() => [{ id: resource.id, epoch: 0, version: 0 }], [resource.id]);
  useFollow(followed, () => void holds.refetch());
  return (
    <section className={`panel ${css.card}`} aria-labelledby="holds-title" data-testid="holds">
      <h2 id="holds-title">{t('admin.holds.title')}</h2>
      <Unread error={holds.error} />
      {holds.isSuccess && items.length === 0 && <p className={css.hint}>{t('admin.holds.none')}</p>}
      <ul className={css.list}>
        {items.map((hold) => (
          <li key={hold.id} className={css.item} data-testid="hold" data-hold={hold.id}>
            <div className={css.main}>
              <h3>{hold.owner?.name ?? t('admin.somebody')}</h3>
              <TimeAndZone start={hold.start} end={hold.end} zone={resource.zone} />
              <p className={css.time}>
                {t('admin.holds.kept', { from: writeClock(hold.granted_at, resource.zone, i18n.language, true), until: writeClock(hold.expires_at, resource.zone, i18n.language, true) })}
                {hold.offer && ` · ${t('admin.holds.offer')}`}
              </p>
            </div>
            {may && !hold.offer && (
              <Button variant="default" size="sm" data-testid="change-hold" aria-label={t('admin.holds.changeNamed', { name: hold.owner?.name ?? t('admin.somebody') })} onClick={() => setChanged(hold)}>
                {t('admin.holds.change')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {changed && <ChangeHold hold={changed} zone={resource.zone} onClose={() => setChanged(null)} />}
    </section>
  );
}

const ways = ['end', 'minute', 'longest'] as const;

/** Its end now, a minute from now, or as late as can be. */
function ChangeHold({ hold, zone, onClose }: { hold: Hold; zone: string; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const [way, setWay] = useState<(typeof ways)[number]>('end');
  const [reason, setReason] = useState('');
  const { act, busy, trouble } = useAct();
  const name = hold.owner?.name ?? t('admin.somebody');
  const latest = Date.parse(hold.granted_at) + longest_ms;
  const time = writeClock(latest, zone, i18n.language, true);

  async function carryOut() {
    const until = way === 'minute' ? Math.min(latest, Math.round((serverNow() + minute_ms) / 1_000) * 1_000) : latest;
    const because = { reason: reason.trim() };
    const wish = way === 'end' ? { path: `/api/holds/${hold.id}/end`, body: because } : { path: `/api/holds/${hold.id}/until`, body: { until: new Date(until).toISOString(), ...because } };
    if (!(await act(wish))) return;
    notifications.show({ message: t(`admin.holds.done.${way === 'end' ? 'end' : 'set'}`, { name }), color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
    onClose();
  }

  return (
    <Sheet onClose={onClose} title={t('admin.holds.changeNamed', { name })} testId="hold-dialog">
      <div className={css.cards}>
        <fieldset className={`${css.bare} ${css.list}`}>
          <legend className={css.soft}>{t('admin.holds.now', { until: writeClock(hold.expires_at, zone, i18n.language, true) })}</legend>
          {ways.map((one) => (
            <label key={one} className={css.side2}>
              <input type="radio" name="way" checked={way === one} onChange={() => setWay(one)} />
              <span>{t(`admin.holds.way.${one}`, { time })}</span>
            </label>
          ))}
        </fieldset>
        <Reason value={reason} onChange={setReason} />
        <Trouble trouble={trouble} />
        <Button loading={busy} color={way === 'end' ? 'red.9' : undefined} aria-disabled={!reason.trim()} data-testid="hold-save" onClick={() => reason.trim() && void carryOut()}>
          {t(way === 'end' ? 'admin.holds.endNamed' : 'admin.holds.setNamed', { name })}
        </Button>
      </div>
    </Sheet>
  );
}
