// The console: its own ways at the side, the screen beside them. Who is a member is told so; the server decides all the same.
import { Link, Outlet } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Icon, type IconName } from '../../../components/icons';
import { Notice } from '../../../components/Notice';
import type { Me } from '../../../api/types';
import { useMe } from '../../session/queries';
import css from './Admin.module.css';

/** Who else than an admin is shown the way; whether they may do anything there the server says. */
const ways: { to: string; name: string; icon: IconName; exact?: boolean; also?: Me['role'][]; inDemo?: boolean }[] = [
  { to: '/admin', name: 'resources', icon: 'building', exact: true, also: ['manager', 'auditor'] },
  { to: '/admin/bulk', name: 'bulk', icon: 'filter' },
  { to: '/admin/approvals', name: 'approvals', icon: 'check', also: ['manager'] },
  { to: '/admin/override', name: 'override', icon: 'warning', also: ['manager'] },
  { to: '/admin/people', name: 'people', icon: 'people', also: ['auditor'] },
  { to: '/admin/audit', name: 'audit', icon: 'clock', also: ['auditor'] },
  // In a demo anybody looks at it.
  { to: '/admin/board', name: 'board', icon: 'chart', also: ['auditor'], inDemo: true },
];

export default function AdminFrame() {
  const { t } = useTranslation();
  const me = useMe();
  const role = me.data?.role ?? 'member';
  if (me.data && role === 'member') {
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
        {ways.filter(({ also, inDemo }) => role === 'admin' || also?.includes(role) || (inDemo && me.data?.demo)).map(({ to, name, icon, exact }) => (
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
