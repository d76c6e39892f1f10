// Everything that can be booked, and the groups whose rules it follows: found by name, opened by a click, made one by one.
import { Button, NativeSelect, Skeleton, TextInput } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Page } from '../../../components/Page';
import { Notice } from '../../../components/Notice';
import { useParamsOfAddress } from '../../../lib/address';
import { useMay } from '../may';
import { useResources } from '../queries';
import css from './Admin.module.css';
import { NewResource } from './NewResource';
import { Unread } from './Trouble';

const kinds = ['room', 'equipment', 'section', 'session', 'group'] as const;

export default function ResourcesPage() {
  const { t } = useTranslation();
  const params = useParamsOfAddress();
  const navigate = useNavigate();
  const [making, setMaking] = useState(false);
  const may = useMay();
  // Managers begin with what is theirs.
  const own = may.some && !may.all;
  const filter = { kind: params.get('kind') ?? '', q: params.get('q') ?? '', mine: own && params.get('all') !== '1' };
  const [typed, setTyped] = useState(filter.q);
  const found = useResources(filter);
  const items = found.data?.pages.flatMap(({ items: page }) => page) ?? [];
  const go = (part: { kind?: string; q?: string; all?: string | undefined }) => void navigate({ to: '/admin', search: (old: object) => ({ ...old, ...part }), replace: true, resetScroll: false });

  return (
    <Page title={t('admin.ways.resources')} aside={may.some && <Button onClick={() => setMaking(true)}>{t('admin.resource.new')}</Button>}>
      <form
        className={css.tools}
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          go({ q: typed });
        }}
      >
        <TextInput label={t('admin.search')} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} onBlur={() => go({ q: typed })} />
        <NativeSelect
          label={t('admin.field.kind')}
          value={filter.kind}
          data={[{ value: '', label: t('admin.all') }, ...kinds.map((kind) => ({ value: kind, label: t(`admin.kind.${kind}`) }))]}
          onChange={(event) => go({ kind: event.currentTarget.value })}
        />
        {own && (
          <NativeSelect
            label={t('admin.whose')}
            value={filter.mine ? '' : '1'}
            data={[{ value: '', label: t('admin.whoseMine') }, { value: '1', label: t('admin.all') }]}
            onChange={(event) => go({ all: event.currentTarget.value || undefined })}
          />
        )}
        <Button type="submit" variant="default">{t('admin.find')}</Button>
      </form>
      <Unread error={found.error} />
      {found.isPending && <Skeleton height={320} radius="lg" aria-label={t('common.loading')} />}
      {found.isSuccess && items.length === 0 && <Notice tone="few" title={t(may.all ? 'admin.resource.none' : filter.mine ? 'admin.resource.noneMine' : 'admin.resource.noneFound')} />}
      {items.length > 0 && (
        <div className={css.scroll} role="region" aria-label={t('admin.ways.resources')}>
          <table className={css.table}>
            <thead>
              <tr>
                <th scope="col">{t('admin.field.name')}</th>
                <th scope="col">{t('admin.field.kind')}</th>
                <th scope="col">{t('admin.field.building')}</th>
                <th scope="col" data-number>{t('admin.field.seats')}</th>
                <th scope="col" data-number>{t('admin.field.capacity')}</th>
                <th scope="col">{t('admin.resource.state')}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={one.id} data-resource={one.id}>
                  <td><Link to="/admin/resources/$id" params={{ id: one.id }}>{one.name}</Link></td>
                  <td data-name={t('admin.field.kind')}>{t(`admin.kind.${one.kind}`)}</td>
                  <td data-name={t('admin.field.building')}>{one.building ?? '–'}</td>
                  <td data-name={t('admin.field.seats')} data-number>{one.seats ?? '–'}</td>
                  <td data-name={t('admin.field.capacity')} data-number>{one.kind === 'group' ? '–' : (one.capacity ?? '∞')}</td>
                  <td data-name={t('admin.resource.state')}>{one.policy.closed ? t('admin.resource.closed') : one.over_commit > 0 ? t('admin.resource.over', { count: one.over_commit }) : one.blocks.length > 0 ? t('admin.resource.blocks', { count: one.blocks.length }) : t('admin.resource.open')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {found.hasNextPage && (
        <div className={css.foot}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t('admin.more')}</Button>
        </div>
      )}
      {making && <NewResource onClose={() => setMaking(false)} onMade={(id) => void navigate({ to: '/admin/resources/$id', params: { id } })} />}
    </Page>
  );
}
