// The frame around every screen: who I am, how fresh the data is, colours and language.
import { ActionIcon, VisuallyHidden } from '@mantine/core';
import type { MouseEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Me } from '../api/types';
import { Icon } from '../components/icons';
import { Logo } from '../components/Logo';
import { ColourSwitch, LanguageSwitch } from '../components/Switches';
import { ConnectionState } from '../features/live/components/ConnectionState';
import { Bell } from '../features/notices/components/Bell';
import { useSignOut } from '../features/session/mutations';
import { initials } from '../lib/initials';
import { usePath, visit } from '../lib/location';
import css from './Shell.module.css';

export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <>
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <header className={css.header}>
        <div className={css.bar}>
          <Logo />
          {(me.demo || me.role === 'admin') && <OtherPage />}
          <ConnectionState />
          <Bell />
          <LanguageSwitch />
          <ColourSwitch />
          <Account me={me} />
        </div>
      </header>
      {children}
    </>
  );
}

/** There are two pages: the way to the one that is not open. */
function OtherPage() {
  const { t } = useTranslation();
  const onBoard = usePath() === '/board';
  const path = onBoard ? '/' : '/board';
  const go = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    visit(path);
  };
  return (
    <nav className={css.pages} aria-label={t('app.pages')}>
      <a href={path} onClick={go} className={css.page} title={onBoard ? t('app.findRoom') : t('board.title')}>
        <Icon name={onBoard ? 'search' : 'chart'} />
        <span>{onBoard ? t('app.findRoom') : t('board.title')}</span>
      </a>
    </nav>
  );
}

function Account({ me }: { me: Me }) {
  const { t } = useTranslation();
  const signOut = useSignOut();
  const leave = me.demo ? t('app.switchPerson') : t('app.signOut');
  return (
    <div className={css.account}>
      <span className={css.who}>
        <span className={css.initials} aria-hidden="true">
          {initials(me.name)}
        </span>
        <span className={css.name}>
          <VisuallyHidden>{t('app.account', { name: '' })}</VisuallyHidden>
          {me.name}
        </span>
      </span>
      <ActionIcon variant="default" size={40} aria-label={leave} title={leave} onClick={() => signOut.mutate(me)}>
        <Icon name="switch" />
      </ActionIcon>
    </div>
  );
}
