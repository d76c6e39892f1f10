// On a narrow screen: rooms or my bookings. Links, so that back works and the view can be shared.
import { useTranslation } from 'react-i18next';
import type { MouseEvent } from 'react';
import { Icon } from '../components/icons';
import { goTo, useSearchString } from '../lib/location';
import css from './Tabs.module.css';

type View = 'find' | 'bookings';

export function Tabs({ view }: { view: View }) {
  const { t } = useTranslation();
  return (
    <nav className={css.tabs} aria-label={t('app.sections')}>
      <Tab to="find" current={view}>
        <Icon name="search" /> {t('app.findRoom')}
      </Tab>
      <Tab to="bookings" current={view}>
        <Icon name="calendar" /> {t('app.myBookings')}
      </Tab>
    </nav>
  );
}

function Tab({ to, current, children }: { to: View; current: View; children: React.ReactNode }) {
  const params = new URLSearchParams(useSearchString());
  if (to === 'bookings') params.set('view', to);
  else params.delete('view');
  const go = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(params);
  };
  return (
    <a href={`?${params}`} onClick={go} className={css.tab} aria-current={to === current ? 'page' : undefined}>
      {children}
    </a>
  );
}
