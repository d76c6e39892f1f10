// One place in line under an address of its own, for links in letters: it asks once more, since machines follow links too.
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Entry } from '../../../api/types';
import { ListState } from '../../../components/ListState';
import { Page } from '../../../components/Page';
import { ask } from '../../../lib/http';
import { viewerZone } from '../../../lib/times';
import { useResource } from '../../holds/queries';
import { EntryRow } from './EntryRow';
import { Offer } from './Offer';

export default function OfferPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const entry = useQuery({ queryKey: ['waitlist', id], queryFn: ({ signal }) => ask<Entry>(`/api/waitlist/${id}`, { signal }) });
  const resource = useResource(entry.data?.resource ?? '', Boolean(entry.data)).data;
  return (
    <Page title={t('waitlist.title')}>
      <ListState query={entry} skeletons={{ count: 1, height: 140 }} isEmpty={false} empty={{ title: '', text: '' }}>
        {entry.data && (
          <>
            {entry.data.offer && (
              <Offer
                entry={entry.data.id}
                name={resource?.name ?? t('bookings.unknownRoom')}
                zone={resource?.zone ?? viewerZone}
                granted_at={entry.data.offer.granted_at}
                expires_at={entry.data.offer.expires_at}
              />
            )}
            <ul className="plain panel padded"><EntryRow entry={entry.data} /></ul>
          </>
        )}
      </ListState>
    </Page>
  );
}
