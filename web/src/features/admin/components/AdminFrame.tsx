// The console: its own ways at the side, the screen beside them. Who is no admin is told so; the server decides all the same.
import { Link, Outlet } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Icon, type IconName } from '../../../components/icons';
import { Notice } from '../../../components/Notice';
import { useMe } from '../../session/queries';
import css from './Admin.module.css';

const ways: { to: string; name: string; icon: IconName; exact?: boolean }[] = [
  { to: '/admin', name: 'resources', icon: 'building', exact: true },
  { to: '/admin/bulk', name: 'bulk', icon: 'filter' },
  { to: '/admin/approvals', name: 'approvals', icon: 'check' },
  { to: '/admin/override', name: 'override', icon: 'warning' },
  { to: '/admin/people', name: 'people', icon: 'people' },
  { to: '/admin/audit', name: 'audit', icon: 'clock' },
  { to: '/admin/board', name: 'board', icon: 'chart' },
];

export default function AdminFrame() {
  const { t } = useTranslation();
  const me = useMe();
  if (me.data && me.data.role !== 'admin') {
    return (
      <main id="content" className={css.frame} tabIndex={-1}>
        <div className={css.wide}>
          <h1>{t('admin.title')}</h1>
          <Notice tone="few" icon="lock" title={t('admin.notAllowedTitle')}><p>{t('admin.notAllowed')}</p></Notice>
        </div>
      </main>
    );
  }
  return (
    <div className={css.frame}>
      <nav className={`panel ${css.side}`} aria-label={t('admin.title')}>
        {ways.map(({ to, name, icon, exact }) => (
          <Link key={to} to={to} className={css.link} activeOptions={{ exact: exact ?? false, includeSearch: false }} activeProps={{ 'aria-current': 'page' }}>
            <Icon name={icon} />
            {t(`admin.ways.${name}`)}
          </Link>
        ))}
      </nav>
      <div className={css.content}>
        <Outlet />
      </div>
    </div>
  );
}
