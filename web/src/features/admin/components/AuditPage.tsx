// What was decided, the latest first: who asked, for whom, what became true and why; narrowed by person, resource, booking and day.
// The table that can be taken away holds exactly what these filters show.
import { Button, NativeSelect, Skeleton, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AuditChange, AuditItem } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { Page } from '../../../components/Page';
import { useParamsOfAddress } from '../../../lib/address';
import { downloadFrom } from '../../../lib/download';
import { humanize } from '../../../lib/humanize';
import { viewerZone, writeInstant, writeInterval } from '../../../lib/times';
import { changesOf, valuesOf, type Change } from '../edits';
import { auditParams, readResource, useAudit, type AuditFilter } from '../queries';
import css from './Admin.module.css';
import { writeValue } from './Fields';
import { Picker } from './Picker';
import { Unread } from './Trouble';

const names = ['resource', 'person', 'booking', 'outcome', 'from', 'to'] as const;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export default function AuditPage() {
  const { t } = useTranslation();
  const params = useParamsOfAddress();
  const navigate = useNavigate();
  const filter = Object.fromEntries(names.map((name) => [name, params.get(name) ?? ''])) as unknown as AuditFilter;
  const [booking, setBooking] = useState(filter.booking);
  const [trouble, setTrouble] = useState(false);
  const [taking, setTaking] = useState(false);
  const found = useAudit(filter);
  const items = found.data?.pages.flatMap(({ items: page }) => page) ?? [];
  const go = (part: Record<string, string | undefined>) =>
    void navigate({ to: '/admin/audit', search: (old: object) => ({ ...old, ...part }), replace: true, resetScroll: false });
  const picked = (name: 'resource' | 'person') => (filter[name] ? { id: filter[name], name: params.get(`${name}_name`) ?? filter[name] } : null);

  return (
    <Page
      title={t('admin.ways.audit')}
      aside={
        <Button
          variant="default"
          data-testid="audit-csv"
          loading={taking}
          onClick={() => {
            setTrouble(false);
            setTaking(true);
            // A long record takes a while: it is read from its beginning to its end.
            downloadFrom(`/api/audit?${auditParams(filter)}`, 'text/csv', 'audit.csv')
              .catch(() => setTrouble(true))
              .finally(() => setTaking(false));
          }}
        >
          {t('admin.audit.csv')}
        </Button>
      }
    >
      <form className={`panel ${css.card}`} style={{ marginBottom: 16 }} role="search" onSubmit={(event) => event.preventDefault()}>
        <div className={css.fields}>
          <Picker what="person" label={t('admin.field.person')} value={picked('person')} onPick={(one) => go({ person: one?.id, person_name: one?.name })} />
          <Picker what="resource" label={t('admin.field.resource')} value={picked('resource')} onPick={(one) => go({ resource: one?.id, resource_name: one?.name })} />
          <TextInput
            label={t('admin.audit.booking')}
            value={booking}
            error={booking !== '' && !uuid.test(booking) ? t('admin.wrong.not_understood') : undefined}
            onChange={(event) => {
              const text = event.currentTarget.value.trim();
              setBooking(text);
              if (text === '' || uuid.test(text)) go({ booking: text || undefined });
            }}
          />
          <NativeSelect label={t('admin.audit.outcome')} value={filter.outcome} data={[{ value: '', label: t('admin.all') }, ...['BOOKED', 'ACCEPTED', 'REJECTED'].map((one) => ({ value: one, label: t(`admin.audit.${one}`) }))]} onChange={(event) => go({ outcome: event.currentTarget.value || undefined })} />
          <TextInput type="date" label={t('admin.audit.from')} value={filter.from} onChange={(event) => go({ from: event.currentTarget.value || undefined })} />
          <TextInput type="date" label={t('admin.audit.to')} value={filter.to} onChange={(event) => go({ to: event.currentTarget.value || undefined })} />
        </div>
      </form>
      {trouble && <Notice tone="taken" urgent title={t('admin.unread')} />}
      <Unread error={found.error} />
      {found.isPending && <Skeleton height={320} radius="lg" aria-label={t('common.loading')} />}
      {found.isSuccess && items.length === 0 && !found.hasNextPage && <Notice tone="few" title={t('admin.audit.none')} />}
      <ol className={css.list} data-testid="audit">
        {items.map((item) => <Entry key={item.attempt + item.decided_at} item={item} />)}
      </ol>
      {found.hasNextPage && (
        <div className={css.foot}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t('admin.more')}</Button>
        </div>
      )}
    </Page>
  );
}

function Entry({ item }: { item: AuditItem }) {
  const { t, i18n } = useTranslation();
  const who = item.actor === null ? 'Slotwise' : (item.actor.name ?? t('admin.somebody'));
  return (
    <li className={css.item} data-attempt={item.attempt} data-outcome={item.outcome} data-command={item.command}>
      <div className={css.main}>
        <h2 style={{ margin: '0 0 2px', fontSize: 16 }}>
          {t('admin.audit.asked', { who, what: humanize(item.command) })}
          {item.for && <> {t('admin.audit.for', { who: item.for.name ?? t('admin.somebody') })}</>}
        </h2>
        <p className={css.time}>
          <time dateTime={item.decided_at}>{writeInstant(item.decided_at, viewerZone, i18n.language)}</time>
        </p>
        <ul style={{ margin: '6px 0 0', paddingInlineStart: 18 }}>
          {item.changes.map((change) => <What key={`${change.resource} ${change.version} ${change.what} ${change.id} ${change.start}`} change={change} />)}
        </ul>
        <p className={css.id}>{t('admin.audit.attempt')} {item.attempt}</p>
      </div>
      <b>{t(`admin.audit.${item.outcome}`)}{item.code ? `: ${humanize(item.code)}` : ''}{item.rule ? ` (${humanize(item.rule)})` : ''}</b>
    </li>
  );
}

function What({ change }: { change: AuditChange }) {
  const { t, i18n } = useTranslation();
  const { what, start, end, units, from_start, reason, resource, epoch, version } = change;
  const [diff, setDiff] = useState<Change[] | null>(null);
  const edited = what === 'resource_edited' || what === 'capacity_set';

  /** What stood before and what stood after, as the record has it. */
  async function compare() {
    const [before, after] = await Promise.all([readResource(resource, `${epoch}.${version - 1}`), readResource(resource, `${epoch}.${version}`)]);
    const capacity = before.capacity === after.capacity ? [] : [{ field: 'capacity' as Change['field'], from: before.capacity, to: after.capacity }];
    setDiff([...changesOf(valuesOf(before), valuesOf(after)), ...capacity]);
  }

  return (
    <li style={{ fontSize: 14 }}>
      {humanize(what)}
      {from_start && <> · <span className={css.from}>{writeInstant(from_start, viewerZone, i18n.language)}</span></>}
      {start && end && <> · <span className={from_start ? css.to : undefined}>{writeInterval(start, end, viewerZone, i18n.language)}</span></>}
      {units !== null && units > 1 && <> · × {units}</>}
      {reason && <> · “{reason}”</>}
      {edited && diff === null && <> <Button variant="subtle" size="compact-xs" onClick={() => void compare().catch(() => setDiff([]))}>{t('admin.audit.compare')}</Button></>}
      {diff !== null && (
        <ul className={css.diff} style={{ marginTop: 6 }} data-testid="audit-diff">
          {diff.length === 0 && <li>{t('admin.audit.noDiff')}</li>}
          {diff.map(({ field, from, to }) => (
            <li key={field}><b>{t(`admin.field.${field}`)}</b> <span className={css.from}>{writeValue(t, field, from)}</span> → <span className={css.to}>{writeValue(t, field, to)}</span></li>
          ))}
        </ul>
      )}
    </li>
  );
}
