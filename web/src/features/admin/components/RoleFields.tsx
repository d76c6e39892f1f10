// What somebody may do, and what a manager manages: resources, or groups with all that is in them. Says nothing to the server.
import { ActionIcon, NativeSelect } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Access } from '../../../api/types';
import { Icon } from '../../../components/icons';
import css from './Admin.module.css';
import { Picker, type Picked } from './Picker';

export interface Scope {
  role: Access['role'];
  manages: Picked[];
}

const roles = ['member', 'manager', 'admin', 'auditor'] as const;

/** A manager manages something. */
export const scopeReady = ({ role, manages }: Scope) => role !== 'manager' || manages.length > 0;

export function RoleFields({ scope, onChange }: { scope: Scope; onChange: (scope: Scope) => void }) {
  const { t } = useTranslation();
  const { role, manages } = scope;
  const add = (one: Picked | null) => one && !manages.some(({ id }) => id === one.id) && onChange({ role, manages: [...manages, one] });
  return (
    <>
      <NativeSelect
        label={t('admin.people.role')}
        description={t(`admin.roleMeans.${role}`)}
        value={role}
        data={roles.map((one) => ({ value: one, label: t(`admin.role.${one}`) }))}
        onChange={(event) => onChange({ role: event.currentTarget.value as Scope['role'], manages })}
      />
      {role === 'manager' && (
        <div className={css.cards}>
          <div className={css.fields}>
            <Picker what="group" label={t('admin.access.addGroup')} value={null} onPick={add} />
            <Picker what="resource" label={t('admin.access.addResource')} value={null} onPick={add} />
          </div>
          {manages.length === 0 && <p className={css.soft} style={{ margin: 0 }} role="status">{t('admin.access.managesNothing')}</p>}
          <ul className={css.list} aria-label={t('admin.access.manages')} data-testid="manages">
            {manages.map((one) => (
              <li key={one.id} className={`${css.item} ${css.level}`} data-resource={one.id}>
                <span className={css.main}>{one.name}</span>
                <ActionIcon variant="default" size={44} aria-label={t('admin.access.unmanage', { name: one.name })} onClick={() => onChange({ role, manages: manages.filter(({ id }) => id !== one.id) })}>
                  <Icon name="cross" />
                </ActionIcon>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
