// The list of recommended rooms with everything a list needs: counting, waiting, nothing found, trouble, more.
import { Button, Skeleton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { SearchItem } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { refusalSentence } from '../../../lib/refusals';
import { LostAnswer, Problem } from '../../../lib/http';
import { writeInterval, writeZone } from '../../../lib/times';
import type { BookingUpdates } from '../../live/useBookingUpdates';
import { countNarrowing, isOrdered, lengthWithin, type Filters } from '../filters';
import { useFacets, type useSearch } from '../queries';
import type { useFavourites } from '../favourites';
import { RoomRecommendationCard } from './RoomRecommendationCard';
import css from './Results.module.css';

interface Props {
  filters: Filters;
  search: ReturnType<typeof useSearch>;
  updates: BookingUpdates;
  favourites: ReturnType<typeof useFavourites>;
  onClaim: (item: SearchItem) => void;
  onRepeat: (item: SearchItem) => void;
  onWait: (item: SearchItem) => void;
  onShowAll: () => void;
  onClear: () => void;
}

export function Results({ filters, search, updates, favourites, onClaim, onRepeat, onWait, onShowAll, onClear }: Props) {
  const { t } = useTranslation();
  const facets = useFacets();
  const { items } = search;
  const within = lengthWithin(filters);
  const searching = search.isPending || search.isPlaceholderData;

  return (
    <section aria-labelledby="results" aria-busy={searching}>
      <div className={css.head}>
        <div>
          <h2 className={css.title} id="results" tabIndex={-1}>{t('search.title')}</h2>
          <p className={css.summary}>
            <span role="status" aria-live="polite" className={css.count}>{count()}</span>
            {isOrdered(filters) && <When items={items} filters={filters} />}
          </p>
        </div>
        {/* Always there, so that the pill pushes nothing aside when it comes. */}
        <div className={css.pill}>
          {updates.changes > 0 && (
            <Button
              radius="xl"
              variant="light"
              leftSection={<Icon name="refresh" size={16} />}
              loading={search.isRefetching}
              onClick={() => void search.refetch()}
            >
              {t('live.changes', { count: updates.changes })}
            </Button>
          )}
        </div>
      </div>
      {body()}
    </section>
  );

  function count(): string {
    if (!isOrdered(filters)) return t('search.order');
    if (search.isError) return t('search.errorTitle');
    if (search.isPending) return t('search.counting');
    const free = search.totalFree + changedSince();
    return filters.all || filters.favourites ? t('search.count', { free, total: search.total }) : t('search.countFree', { count: free });
  }

  /** Cards that have been taken or freed in place since they were counted. */
  function changedSince(): number {
    let change = 0;
    for (const item of items) {
      const is = updates.marks.get(item.resource.id)?.mark.is ?? 'unchanged';
      if (is === 'freed') change += 1;
      else if (is !== 'unchanged' && item.free) change -= 1;
    }
    return change;
  }

  function body() {
    if (!isOrdered(filters)) return null;
    if (search.isPending) return <Skeletons />;
    // What was found before is about another time.
    const clock = clockTrouble(search.error);
    if (search.isError && (clock !== null || items.length === 0)) {
      return (
        <div className={`panel ${css.message}`}>
          <h3>{t('search.errorTitle')}</h3>
          <p>{clock === null ? trouble(search.error) : t(`search.${clock}`)}</p>
          {clock === 'in_fold' && <Button component={Link} to="/" search={((old: object) => ({ ...old, show: 'timeline', hours: 'all' })) as never}>{t('search.inTimeline')}</Button>}
          {clock === null && <Button onClick={() => void search.refetch()} loading={search.isFetching}>{t('common.retry')}</Button>}
        </div>
      );
    }
    if (items.length === 0 && facets.data?.kinds.length === 0) {
      return (
        <div className={`panel ${css.message}`}>
          <h3>{t('search.noneTitle')}</h3>
          <p>{t('search.none')}</p>
        </div>
      );
    }
    if (items.length === 0 && filters.favourites) {
      return (
        <div className={`panel ${css.message}`}>
          <h3>{t('search.noFavouritesTitle')}</h3>
          <p>{search.isFetching ? t('search.counting') : t('search.noFavourites')}</p>
        </div>
      );
    }
    if (items.length === 0) {
      return (
        <div className={`panel ${css.message}`}>
          <h3>{t('search.emptyTitle')}</h3>
          <p>{countNarrowing(filters) > 0 ? t('search.emptyNarrow') : t('search.emptyTime')}</p>
          <div className={css.actions}>
            {!filters.all && <Button onClick={onShowAll}>{t('search.showReasons')}</Button>}
            {countNarrowing(filters) > 0 && <Button variant="default" onClick={onClear}>{t('search.clear')}</Button>}
          </div>
        </div>
      );
    }
    return (
      <>
        <div className={css.grid} data-stale={search.isPlaceholderData}>
          {items.map((item) => (
            <RoomRecommendationCard
              key={item.resource.id}
              item={item}
              timed={within !== null}
              marked={updates.marks.get(item.resource.id)}
              isFavourite={favourites.ids.has(item.resource.id)}
              onFavourite={favourites.toggle}
              onClaim={onClaim}
              onRepeat={onRepeat}
              onWait={onWait}
            />
          ))}
        </div>
        {search.hasNextPage && (
          <div className={css.more}>
            <Button variant="default" size="md" loading={search.isFetchingNextPage} onClick={() => void search.fetchNextPage()}>
              {t('search.showMore')}
            </Button>
          </div>
        )}
      </>
    );
  }

  function trouble(cause: unknown): string {
    if (cause instanceof LostAnswer) return t('common.noAnswer');
    return cause instanceof Problem ? refusalSentence(t, cause.body) : t('refusal.other');
  }
}

/** A time that does not exist, or comes twice, where clocks are set. */
function clockTrouble(cause: unknown): 'in_gap' | 'in_fold' | null {
  const codes = cause instanceof Problem ? (cause.body.errors ?? []).map(({ code }) => code) : [];
  return codes.includes('in_gap') ? 'in_gap' : codes.includes('in_fold') ? 'in_fold' : null;
}

/** The searched time with its zone; where results lie in several zones, each dialog says its own. */
function When({ items, filters }: { items: SearchItem[]; filters: Filters }) {
  const { t, i18n } = useTranslation();
  const { language } = i18n;
  const first = items[0];
  if (!first) return null;
  const { start, end, resource } = first;
  const oneZone = items.every((item) => item.resource.zone === resource.zone);
  const count = lengthWithin(filters);
  const { date, from, to } = filters;
  // The times as they were typed, whatever zone each card reads them in: UTC leaves them as they are.
  const time = count ? writeInterval(`${date}T${from}Z`, `${date}T${to}Z`, 'UTC', language) : writeInterval(start, end, resource.zone, language);
  return (
    <span>
      <Icon name="clock" size={16} /> {count ? t('search.firstWithin', { count, time }) : time}
      {oneZone && <> <span className={css.zone}>({writeZone(start, resource.zone, language)})</span></>}
    </span>
  );
}

function Skeletons() {
  return (
    <div className={css.grid} aria-hidden="true">
      {Array.from({ length: 9 }, (_, index) => <Skeleton key={index} height={186} radius="lg" />)}
    </div>
  );
}
