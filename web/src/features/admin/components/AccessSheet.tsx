// How somebody stands with this server: what they may do, whether they can come in, and where they are signed in. Every change is
// the server's to decide: what it refuses is said, and nothing is shown as done before it is.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ApiKey, PersonListed, Access } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { viewerZone, writeInstant } from '../../../lib/times';
import { useSignedIn } from '../../session/queries';
import { useDeed, useKeysOf, useStanding } from '../people';
import css from './Admin.module.css';
import { InvitationLink } from './InvitationLink';
import { RoleFields, scopeReady, type Scope } from './RoleFields';
import { Refused, Unread } from './Trouble';

export function AccessSheet({ person, may, onClose }: { person: PersonListed; may: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const standing = useStanding(person.id);
  const keys = useKeysOf(person.id);
  return (
    <Sheet onClose={onClose} title={t('admin.access.of', { name: person.name })} size={620} testId="access">
      <div className={css.cards}>
        <Unread error={standing.error} />
        {standing.isPending && <p role="status" className={css.hint}>{t('common.loading')}</p>}
        {standing.data && (
          <>
            <Role key={`${standing.data.role} ${standing.data.manages.map(({ id }) => id).join()}`} standing={standing.data} may={may} />
            <Door standing={standing.data} email={person.email} may={may} />
            <Keys person={standing.data} keys={keys.data?.items ?? []} error={keys.error} may={may} />
            {may && <Out standing={standing.data} onDone={onClose} />}
          </>
        )}
      </div>
    </Sheet>
  );
}

function Part({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section className={css.bare} aria-labelledby={id}>
      <h3 id={id}>{title}</h3>
      {children}
    </section>
  );
}

function useSay() {
  const { t } = useTranslation();
  return (message: string) => notifications.show({ message, color: 'teal', closeButtonProps: { 'aria-label': t('common.dismiss') } });
}

function Role({ standing, may }: { standing: Access; may: boolean }) {
  const { t } = useTranslation();
  const say = useSay();
  const me = useSignedIn();
  const before: Scope = { role: standing.role, manages: standing.manages.map(({ id, name }) => ({ id, name: name ?? t('admin.access.gone') })) };
  const [scope, setScope] = useState(before);
  const deed = useDeed();
  const same = scope.role === before.role && scope.manages.map(({ id }) => id).toSorted().join() === before.manages.map(({ id }) => id).toSorted().join();
  const ready = !same && scopeReady(scope);
  if (!may) {
    return (
      <Part id="access-role" title={t('admin.people.role')}>
        <p className={css.hint}>{[t(`admin.role.${standing.role}`), ...before.manages.map(({ name }) => name)].join(' · ')}</p>
      </Part>
    );
  }
  async function save() {
    const { role, manages } = scope;
    const done = await deed.carryOut({ path: `/api/people/${standing.id}/role`, method: 'PUT', body: { role, manages: role === 'manager' ? manages.map(({ id }) => id) : [] } });
    if (done) say(t('admin.access.roleDone', { name: standing.name, role: t(`admin.role.${role}`) }));
  }
  return (
    <Part id="access-role" title={t('admin.people.role')}>
      <div className={css.cards}>
        <RoleFields scope={scope} onChange={setScope} />
        {me.id === standing.id && scope.role !== before.role && <p className={css.hint}>{t('admin.access.yourself')}</p>}
        <Refused error={deed.error} />
        <div className={css.row}>
          <Button loading={deed.busy} aria-disabled={!ready} data-testid="role-save" onClick={() => ready && void save()}>{t('admin.access.roleSave', { name: standing.name })}</Button>
          {!same && <span className={css.soft}>{t('admin.access.roleMeans')}</span>}
        </div>
      </div>
    </Part>
  );
}

/** Whether they have come in, how they may, and where they are signed in. */
function Door({ standing, email, may }: { standing: Access; email: string | null; may: boolean }) {
  const { t, i18n } = useTranslation();
  const say = useSay();
  const deed = useDeed();
  const [address, setAddress] = useState(standing.login ?? email ?? '');
  const { name, has_account, invited_until, sessions, login } = standing;
  const person = `/api/people/${standing.id}`;
  const until = invited_until === null ? '' : writeInstant(invited_until, viewerZone, i18n.language);
  return (
    <Part id="access-door" title={t('admin.access.door')}>
      <div className={css.cards}>
        <p className={css.hint} style={{ margin: 0 }}>
          {has_account ? t('admin.access.in', { email: login ?? '–' }) : invited_until === null ? t('admin.access.out') : t('admin.access.invited', { until })}
          {' '}{t('admin.access.sessions', { count: sessions })}
        </p>
        {may && !has_account && (
          <form className={css.tools} style={{ margin: 0 }} onSubmit={(event) => {
            event.preventDefault();
            void deed.carryOut({ path: `${person}/invitation`, method: 'POST', body: { email: address.trim() } });
          }}>
            <TextInput type="email" label={t('admin.people.email')} required maxLength={254} value={address} onChange={(event) => setAddress(event.currentTarget.value)} />
            <Button type="submit" variant="default" loading={deed.busy} data-testid="invite-again">{t(invited_until === null ? 'admin.access.invite' : 'admin.access.again')}</Button>
            {invited_until !== null && (
              <Button variant="default" color="red" loading={deed.busy} data-testid="withdraw" onClick={() => void deed.carryOut({ path: `${person}/invitation`, method: 'DELETE' }).then((done) => done && say(t('admin.invite.withdrawn', { name })))}>
                {t('admin.invite.withdraw')}
              </Button>
            )}
          </form>
        )}
        {deed.invited && <InvitationLink name={name} invited={deed.invited} />}
        {may && sessions > 0 && (
          <div>
            <Button variant="default" loading={deed.busy} data-testid="end-sessions" onClick={() => void deed.carryOut({ path: `${person}/sessions`, method: 'DELETE' }).then((done) => done && say(t('admin.access.sessionsDone', { name })))}>
              {t('admin.access.sessionsEnd', { name })}
            </Button>
          </div>
        )}
        <Refused error={deed.error} />
      </div>
    </Part>
  );
}

function Keys({ person, keys, error, may }: { person: Access; keys: ApiKey[]; error: Error | null; may: boolean }) {
  const { t, i18n } = useTranslation();
  const say = useSay();
  const deed = useDeed();
  return (
    <Part id="access-keys" title={t('admin.access.keys')}>
      <Unread error={error} />
      {keys.length === 0 && <p className={css.hint}>{t('admin.access.noKeys')}</p>}
      <ul className={css.list}>
        {keys.map((key) => (
          <li key={key.id} className={css.item} data-testid="their-key">
            <div className={css.main}>
              <b>{key.label || '–'}</b>
              <p className={css.time}>
                {key.scopes.join(', ')}
                {key.seen_at && ` · ${t('admin.access.seen', { time: writeInstant(key.seen_at, viewerZone, i18n.language) })}`}
              </p>
            </div>
            {may && (
              <Button variant="default" size="sm" aria-label={t('admin.access.revokeNamed', { name: key.label || '–' })} onClick={() => void deed.carryOut({ path: `/api/people/${person.id}/keys/${key.id}`, method: 'DELETE' }).then((done) => done && say(t('admin.access.revoked')))}>
                {t('admin.access.revoke')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <Refused error={deed.error} />
    </Part>
  );
}

/** Let in nowhere from now on; asked twice, since it ends what they are doing. */
function Out({ standing, onDone }: { standing: Access; onDone: () => void }) {
  const { t } = useTranslation();
  const say = useSay();
  const deed = useDeed();
  const [sure, setSure] = useState('');
  const { name } = standing;
  const ready = sure === 'yes';
  return (
    <Part id="access-out" title={t('admin.access.suspendTitle')}>
      <p className={css.hint}>{t('admin.access.suspendMeans')}</p>
      <div className={css.tools} style={{ margin: 0 }}>
        <NativeSelect label={t('admin.access.sure')} value={sure} data={[{ value: '', label: t('admin.reason.choose') }, { value: 'yes', label: t('admin.access.sureYes', { name }) }]} onChange={(event) => setSure(event.currentTarget.value)} />
        <Button color="red.9" loading={deed.busy} aria-disabled={!ready} data-testid="suspend" onClick={() => ready && void deed.carryOut({ path: `/api/people/${standing.id}/suspend`, method: 'POST' }).then((done) => {
          if (!done) return;
          say(t('admin.access.suspended', { name }));
          onDone();
        })}>
          {t('admin.access.suspend', { name })}
        </Button>
      </div>
      <Refused error={deed.error} />
    </Part>
  );
}
