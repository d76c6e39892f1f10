// The frame around every screen: who I am, how fresh the data is, colours and language.
import { ActionIcon, VisuallyHidden } from '@mantine/core';
import { Link, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Me } from '../api/types';
import { Icon } from '../components/icons';
import { Logo } from '../components/Logo';
import { ColourSwitch, LanguageSwitch } from '../components/Switches';
import { ConnectionState } from '../features/live/components/ConnectionState';
import { Bell } from '../features/notices/components/Bell';
import { usePutProfile, useSignOut } from '../features/session/mutations';
import { chooseLanguage } from '../lib/i18n';
import { initials } from '../lib/initials';
import { viewerZone, writeInstant, writeZone } from '../lib/times';
import { useNow } from '../lib/useNow';
import { pages } from './pages';
import { withConsoleTexts } from './texts';
import css from './Shell.module.css';

const OverrideBar = lazy(() => withConsoleTexts(import('../features/admin/components/OverrideBar')).then((part) => ({ default: part.OverrideBar })));

export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const { t } = useTranslation();
  useFocusOnScreen();
  const profile = usePutProfile();
  return (
    <>
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <header className={css.header}>
        <div className={css.bar}>
          <Logo />
          <Pages me={me} />
          <ConnectionState />
          <Bell />
          {/* Who has said a language in their profile says another there too: it is theirs on every device. */}
          <LanguageSwitch onChoose={(language) => (me.language === null ? chooseLanguage(language) : profile.mutate({ language, zone: me.zone }))} />
          <ColourSwitch />
          <Account me={me} />
        </div>
      </header>
      {me.role !== 'member' && (
        <Suspense>
          <OverrideBar />
        </Suspense>
      )}
      <Printed name={me.name} />
      {children}
    </>
  );
}

/** At the head of a page of paper: as of when it was so, in whose clock, and for whom. */
function Printed({ name }: { name: string }) {
  const { t, i18n } = useTranslation();
  const now = useNow(60_000);
  return <p className="printed">{t('app.printed', { time: writeInstant(now, viewerZone, i18n.language), zone: writeZone(now, viewerZone, i18n.language), name })}</p>;
}

function Pages({ me }: { me: Me }) {
  const { t } = useTranslation();
  return (
    <nav className={css.pages} aria-label={t('app.pages')}>
      {pages.filter(({ isFor }) => isFor?.(me) ?? true).map(({ to, name, icon }) => (
        <Link key={to} to={to} className={css.page} activeOptions={{ exact: to === '/', includeSearch: false }}>
          <Icon name={icon} />
          <span>{t(name)}</span>
        </Link>
      ))}
    </nav>
  );
}

/** Another screen begins at its own head, for the keyboard and for those who listen. */
function useFocusOnScreen() {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const first = useRef(path);
  useEffect(() => {
    if (path === first.current) return;
    first.current = undefined;
    document.getElementById('content')?.focus({ preventScroll: true });
  }, [path]);
}

function Account({ me }: { me: Me }) {
  const { t } = useTranslation();
  const signOut = useSignOut();
  const leave = me.demo ? t('app.switchPerson') : t('app.signOut');
  return (
    <div className={css.account}>
      <Link to="/profile" className={css.who}>
        <span className={css.initials} aria-hidden="true">
          {initials(me.name)}
        </span>
        <span className={css.name}>
          <VisuallyHidden>{t('app.account', { name: '' })}</VisuallyHidden>
          {me.name}
        </span>
      </Link>
      <ActionIcon variant="default" size={40} aria-label={leave} title={leave} onClick={() => signOut.mutate(me)}>
        <Icon name="switch" />
      </ActionIcon>
    </div>
  );
}
