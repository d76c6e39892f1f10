// One booking under an address of its own, with its dates and its history open.
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ListState } from '../../../components/ListState';
import { Page } from '../../../components/Page';
import { useBooking } from '../queries';
import { BookingRow } from './BookingRow';
import { Dialogs, type Asked } from './Dialogs';

export default function BookingPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const booking = useBooking(id);
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <Page title={t('bookings.one')}>
      <ListState query={booking} skeletons={{ count: 1, height: 220 }} isEmpty={false} empty={{ title: '', text: '' }}>
        {booking.data && (
          <ul className="plain panel padded">
            <BookingRow key={booking.data.id} opened booking={booking.data} onAsk={(what, one) => setAsked({ what, booking: one })} />
          </ul>
        )}
      </ListState>
      <Dialogs asked={asked} onClose={() => setAsked(null)} />
    </Page>
  );
}
