// The classes of one day, by when they begin: what is left, what one has of each, and the one thing to do.
import { ActionIcon, Button, Switch, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, Class } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { ListState } from '../../../components/ListState';
import { Page } from '../../../components/Page';
import { toParams, toSearch, useParamsOfAddress } from '../../../lib/address';
import { serverNow } from '../../../lib/serverClock';
import { writeDay } from '../../../lib/times';
import { addDays, civilDate } from '../../../lib/zoned';
import type { Wish } from '../../waitlist/components/JoinDialog';
import { readClassFilters, useClasses, type ClassFilters } from '../queries';
import { ClassRow } from './ClassRow';
import css from './Classes.module.css';

const JoinDialog = lazy(() => import('../../waitlist/components/JoinDialog'));
const CancelDialog = lazy(() => import('../../bookings/components/CancelDialog'));

export default function ClassesPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const [today] = useState(() => civilDate(serverNow()));
  const filters = readClassFilters(useParamsOfAddress(), today);
  const classes = useClasses(filters);
  const [wish, setWish] = useState<Wish | null>(null);
  const [cancelling, setCancelling] = useState<{ booking: Booking; lateFrom: string | null } | null>(null);
  const quota = classes.items.find((item) => item.quota)?.quota;

  function change(part: Partial<ClassFilters>, how: 'push' | 'replace' = 'push') {
    const next = { ...filters, ...part };
    const params = toParams({ day: next.day, q: next.text, free: next.free ? '1' : '', mine: next.mine ? '1' : '' });
    void navigate({ to: '/classes', search: toSearch(params), replace: how === 'replace', resetScroll: false });
  }

  const wait = (item: Class) => setWish({ resource: item.id, start: item.start, end: item.end, timed: false });

  return (
    <Page
      title={t('classes.title')}
      aside={quota && <span className={css.quota} data-testid="quota">{t('classes.quota', { counted: quota.counted, most: quota.most })}</span>}
    >
      <form className={`panel ${css.filters}`} role="search" aria-label={t('search.filters')} onSubmit={(event) => event.preventDefault()}>
        <div className={css.day}>
          <TextInput type="date" label={t('classes.day')} value={filters.day} onChange={(event) => event.currentTarget.value && change({ day: event.currentTarget.value })} />
          <ActionIcon variant="default" size={36} aria-label={t('search.dayBefore')} onClick={() => change({ day: addDays(filters.day, -1) })}>
            <Icon name="left" />
          </ActionIcon>
          <ActionIcon variant="default" size={36} aria-label={t('search.dayAfter')} onClick={() => change({ day: addDays(filters.day, 1) })}>
            <Icon name="right" />
          </ActionIcon>
        </div>
        <TextInput label={t('search.text')} placeholder={t('classes.textHint')} value={filters.text} onChange={(event) => change({ text: event.currentTarget.value }, 'replace')} />
        <div className={css.switches}>
          <Switch label={t('classes.onlyFree')} checked={filters.free} onChange={(event) => change({ free: event.currentTarget.checked })} />
          <Switch label={t('classes.onlyMine')} checked={filters.mine} onChange={(event) => change({ mine: event.currentTarget.checked })} />
        </div>
      </form>
      <h2 className={css.heading}>{writeDay(`${filters.day}T12:00:00Z`, 'UTC', i18n.language)}</h2>
      <p role="status" className={css.count}>{classes.data ? t('classes.count', { count: classes.items.length }) : ''}</p>
      <ListState
        query={classes}
        skeletons={{ count: 4, height: 104 }}
        isEmpty={classes.items.length === 0}
        empty={{
          title: filters.free || filters.mine || filters.text ? t('classes.noneMatchTitle') : t('classes.emptyTitle'),
          text: t('classes.empty'),
          way: <Button variant="default" onClick={() => change({ day: addDays(filters.day, 1), text: '', free: false, mine: false })}>{t('classes.nextDay')}</Button>,
        }}
      >
        <ul className={css.list}>
          {classes.items.map((item) => (
            <ClassRow key={item.id} item={item} onWait={wait} onCancel={(booking, lateFrom) => setCancelling({ booking, lateFrom })} />
          ))}
        </ul>
        {classes.hasNextPage && (
          <Button variant="default" fullWidth mt="md" loading={classes.isFetchingNextPage} onClick={() => void classes.fetchNextPage()}>{t('classes.more')}</Button>
        )}
      </ListState>
      <Suspense fallback={null}>{wish && <JoinDialog wish={wish} onClose={() => setWish(null)} />}</Suspense>
      <Suspense fallback={null}>
        {cancelling && <CancelDialog booking={cancelling.booking} lateFrom={cancelling.lateFrom} onClose={() => setCancelling(null)} />}
      </Suspense>
    </Page>
  );
}
