// Finding: search and recommendations, on a wide screen beside my bookings, which have a screen of their own.
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { VisuallyHidden } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Accepted, ProblemBody, SearchItem } from '../api/types';
import { useTitle } from '../components/Page';
import { Segments } from '../components/Segments';
import { MyBookings } from '../features/bookings/components/MyBookings';
import type { Target } from '../features/claim/intention';
import { useBookingUpdates } from '../features/live/useBookingUpdates';
import { Filters } from '../features/search/components/Filters';
import { Results } from '../features/search/components/Results';
import { useFavourites } from '../features/search/favourites';
import { readFilters, writeFilters, type Filters as Values } from '../features/search/filters';
import { useSearch } from '../features/search/queries';
import { useSignedIn } from '../features/session/queries';
import type { Wish } from '../features/waitlist/components/JoinDialog';
import { toParams, toSearch, useParamsOfAddress } from '../lib/address';
import { isLostRace } from '../lib/refusals';
import { serverNow } from '../lib/serverClock';
import { writeInterval } from '../lib/times';
import { whenIdle } from '../lib/whenIdle';
import css from './TeacherDashboard.module.css';

const TimelineView = lazy(() => import('../features/timeline/components/TimelineView'));
const readClaimDialog = () => import('../features/claim/components/ClaimDialog');
// Needed on a click only. It is fetched once the page stands, so that the click does not wait.
const ClaimDialog = lazy(readClaimDialog);
const SeriesDialog = lazy(() => import('../features/series/components/SeriesDialog'));
const JoinDialog = lazy(() => import('../features/waitlist/components/JoinDialog'));

const nothing: SearchItem[] = [];

export function TeacherDashboard() {
  const { t, i18n } = useTranslation();
  const address = useParamsOfAddress();
  const navigate = useNavigate();
  const queries = useQueryClient();
  useTitle(t('app.find'));
  // The day that an empty address means is chosen once, not anew at midnight.
  const [opened] = useState(serverNow);
  const filters = useMemo(() => readFilters(address, opened), [address, opened]);
  const favourites = useFavourites(useSignedIn().id);
  const search = useSearch(filters, favourites.ids);
  const [repeated, setRepeated] = useState<SearchItem | null>(null);
  const [wish, setWish] = useState<Wish | null>(null);
  useEffect(() => whenIdle(() => void readClaimDialog().catch(() => {})), []);
  const { refetch } = search;
  const refresh = useCallback(() => void refetch(), [refetch]);
  const timeline = address.get('show') === 'timeline';
  // The timeline listens for its own rows.
  const updates = useBookingUpdates({ items: timeline ? nothing : search.items, onResync: refresh });
  const [target, setTarget] = useState<Target | null>(null);

  const change = useCallback(
    (part: Partial<Values>, how?: 'push' | 'replace') => {
      void navigate({
        to: '/',
        search: (old: object) => toSearch(writeFilters({ ...readFilters(toParams({ ...old }), opened), ...part }, toParams({ ...old }))),
        // Typing replaces the entry, so that "back" does not have to undo letter by letter.
        replace: how === 'replace',
        resetScroll: false,
      });
    },
    [navigate, opened],
  );
  const { asOf } = search;
  const claim = useCallback((item: SearchItem) => setTarget({ item, as_of: asOf }), [asOf]);

  const wait = useCallback(({ resource, start, end }: SearchItem) => setWish({ resource: resource.id, start, end, timed: true }), []);

  const booked = (answer: Accepted, taken: Target) => {
    const { start, end, resource } = taken.item;
    const { zone, name, id } = resource;
    const when = writeInterval(start, end, zone, i18n.language);
    // What was refused on the way here is settled.
    notifications.clean();
    notifications.show({
      title: answer.booking?.state === 'pending' ? t('claim.pending') : t('claim.booked'),
      message: t('claim.bookedDetail', { name, when }),
      color: 'teal',
      autoClose: 6_000,
      closeButtonProps: { 'aria-label': t('common.dismiss') },
    });
    updates.noteOwn(answer);
    // Its cells are coloured without waiting for the socket.
    if (timeline) void queries.invalidateQueries({ queryKey: ['timeline'] });
    close(id);
  };

  const refused = (_: Target, problem: ProblemBody) => {
    // The refused card leaves now that its loser has been told.
    if (isLostRace(problem.code) || problem.code === 'not_found' || problem.code === 'blocked') refresh();
  };

  /** What is heard of a card is about the time that was searched; the dialog may be about another. */
  function markOf({ item }: Target) {
    const { id } = item.resource;
    const listed = search.items.find((one) => one.resource.id === id);
    return listed?.start === item.start && listed.end === item.end ? updates.marks.get(id)?.mark : undefined;
  }

  function close(resource?: string) {
    setTarget(null);
    // Back to the button that opened the dialog; if it is gone with its card's state, to what is left.
    setTimeout(() => {
      if (document.activeElement && document.activeElement !== document.body) return;
      const card = resource ? document.querySelector<HTMLElement>(`[data-resource="${CSS.escape(resource)}"]`) : null;
      (card?.querySelector<HTMLElement>('[data-testid=claim-button]') ?? card?.querySelector('button') ?? card ?? document.getElementById('results'))?.focus({ preventScroll: true });
    }, 250);
  }

  return (
    <main id="content" className={css.page} tabIndex={-1} data-wide={timeline}>
      <VisuallyHidden component="h1">{t('app.title')}</VisuallyHidden>
      <div className={css.find}>
        <Filters filters={filters} found={search.facets} onChange={change} />
        <div className={`unprinted ${css.view}`}>
          <Segments
            label={t('timeline.view')}
            value={timeline ? 'timeline' : 'cards'}
            choices={[{ value: 'cards', label: t('timeline.asList') }, { value: 'timeline', label: t('timeline.asTimeline') }]}
            onChange={(show) => void navigate({ to: '/', search: (old: object) => ({ ...old, show: show === 'timeline' ? show : undefined }), resetScroll: false })}
          />
        </div>
        {timeline ? (
          <Suspense fallback={<p role="status">{t('common.loading')}</p>}>
            <TimelineView filters={filters} onFilters={change} onPick={setTarget} />
          </Suspense>
        ) : (
          <Results
            filters={filters}
            search={search}
            updates={updates}
            favourites={favourites}
            onClaim={claim}
            onRepeat={setRepeated}
            onWait={wait}
            onShowAll={() => change({ all: true })}
            onClear={() => change({ people: null, equipment: [], buildings: [], text: '', favourites: false })}
          />
        )}
      </div>
      <aside className={css.mine} aria-label={t('app.myBookings')}>
        <MyBookings hiddenHoldOf={target?.item.resource.id ?? null} />
      </aside>
      <Suspense fallback={null}>
      {target && (
        <ClaimDialog
          target={target}
          filters={filters}
          mark={markOf(target)}
          onTarget={setTarget}
          onClose={() => close(target.item.resource.id)}
          onBooked={booked}
          onRefused={refused}
        />
      )}
      {repeated && <SeriesDialog item={repeated} onClose={() => setRepeated(null)} />}
      {wish && <JoinDialog wish={wish} onClose={() => setWish(null)} />}
      </Suspense>
    </main>
  );
}
