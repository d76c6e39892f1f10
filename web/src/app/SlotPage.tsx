// One room at one time under an address of its own: whether it is free and why not, and everything one can do about it.
import { lazy, Suspense, useMemo, useState } from 'react';
import { useParams } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { notifications } from '@mantine/notifications';
import type { Resource, SearchItem, SearchPage } from '../api/types';
import { ListState } from '../components/ListState';
import { Page } from '../components/Page';
import type { Target } from '../features/claim/intention';
import { useBookingUpdates } from '../features/live/useBookingUpdates';
import { RoomRecommendationCard } from '../features/search/components/RoomRecommendationCard';
import { useFavourites } from '../features/search/favourites';
import { defaultFilters } from '../features/search/filters';
import { useSignedIn } from '../features/session/queries';
import type { Wish } from '../features/waitlist/components/JoinDialog';
import { useParamsOfAddress } from '../lib/address';
import { ask } from '../lib/http';
import { serverNow } from '../lib/serverClock';
import { writeInterval } from '../lib/times';
import css from './SlotPage.module.css';

const ClaimDialog = lazy(() => import('../features/claim/components/ClaimDialog'));
const SeriesDialog = lazy(() => import('../features/series/components/SeriesDialog'));
const JoinDialog = lazy(() => import('../features/waitlist/components/JoinDialog'));

export default function SlotPage() {
  const { t, i18n } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const address = useParamsOfAddress();
  const [start, end] = [address.get('start') ?? '', address.get('end') ?? ''];
  const favourites = useFavourites(useSignedIn().id);
  const [target, setTarget] = useState<Target | null>(null);
  const [repeated, setRepeated] = useState<SearchItem | null>(null);
  const [wish, setWish] = useState<Wish | null>(null);
  const [filters] = useState(() => defaultFilters(serverNow()));
  const slot = useQuery({
    queryKey: ['slot', id, start, end],
    staleTime: 0,
    queryFn: async ({ signal }) => {
      const { name, kind } = await ask<Resource>(`/api/resources/${id}`, { signal });
      // The search knows why something is not free; it is asked for the one name, and finds it among its namesakes.
      const query = new URLSearchParams({ q: name, start, end, kind, limit: '200' });
      const page = await ask<SearchPage>(`/api/search?${query}`, { signal });
      return { item: page.items.find((one) => one.resource.id === id) ?? null, as_of: page.as_of };
    },
  });
  const item = slot.data?.item ?? null;
  const items = useMemo(() => (item ? [item] : []), [item]);
  const updates = useBookingUpdates({ items, onResync: () => void slot.refetch() });
  return (
    <Page title={item?.resource.name ?? t('slot.title')}>
      <ListState query={slot} skeletons={{ count: 1, height: 230 }} isEmpty={item === null} empty={{ title: t('slot.emptyTitle'), text: t('slot.empty') }}>
        {item && (
          <div className={css.card}>
            <RoomRecommendationCard
              item={item}
              timed={false}
              dated
              marked={updates.marks.get(id)}
              isFavourite={favourites.ids.has(id)}
              onFavourite={favourites.toggle}
              onClaim={(one) => setTarget({ item: one, as_of: slot.data!.as_of })}
              onRepeat={setRepeated}
              onWait={(one) => setWish({ resource: id, start: one.start, end: one.end, timed: true })}
            />
          </div>
        )}
      </ListState>
      <Suspense fallback={null}>
        {target && (
          <ClaimDialog
            target={target}
            filters={filters}
            mark={updates.marks.get(id)?.mark}
            onTarget={setTarget}
            onClose={() => setTarget(null)}
            onBooked={(answer, { item: taken }) => {
              notifications.show({
                title: answer.booking?.state === 'pending' ? t('claim.pending') : t('claim.booked'),
                message: t('claim.bookedDetail', { name: taken.resource.name, when: writeInterval(taken.start, taken.end, taken.resource.zone, i18n.language) }),
                color: 'teal',
                closeButtonProps: { 'aria-label': t('common.dismiss') },
              });
              updates.noteOwn(answer);
              setTarget(null);
            }}
            onRefused={() => void slot.refetch()}
          />
        )}
        {repeated && <SeriesDialog item={repeated} onClose={() => setRepeated(null)} />}
        {wish && <JoinDialog wish={wish} onClose={() => setWish(null)} />}
      </Suspense>
    </Page>
  );
}
