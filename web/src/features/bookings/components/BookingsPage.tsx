// My bookings as a screen of its own.
import { useTranslation } from 'react-i18next';
import { Page } from '../../../components/Page';
import { MyBookings } from './MyBookings';

export default function BookingsPage() {
  const { t } = useTranslation();
  return (
    <Page title={t('bookings.title')}>
      <MyBookings hiddenHoldOf={null} />
    </Page>
  );
}
