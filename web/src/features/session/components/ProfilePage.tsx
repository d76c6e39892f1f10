// Who I am here: how I like it, how I sign in, where I am signed in, and the keys that act in my name.
import { Button, Checkbox, Group, NativeSelect, NumberInput, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { KeyMade, Profile } from '../../../api/types';
import { Page } from '../../../components/Page';
import { languages } from '../../../lib/i18n';
import { useComeIn, useEndSession, useMakeKey, useProvider, usePutProfile, useRevokeKey } from '../mutations';
import { useDoors, useKeys, useProfile, useSessions } from '../queries';
import { Complaint, PasswordField } from './Door';
import css from './ProfilePage.module.css';

const nameOf = (code: string) => new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
const zones = Intl.supportedValuesOf('timeZone');
const scopes = { member: ['read', 'book'], auditor: ['read'], manager: ['read', 'book', 'manage'], admin: ['read', 'book', 'manage', 'admin'] } as const;

export default function ProfilePage() {
  const { t } = useTranslation();
  const profile = useProfile();
  return (
    <Page title={t('profile.title')}>
      {profile.isPending && <p role="status">{t('common.loading')}</p>}
      {profile.isError && <p role="alert">{t('common.noAnswer')}</p>}
      {profile.data && (
        <>
          <You me={profile.data} />
          <Likes key={profile.data.id} me={profile.data} />
          {!profile.data.demo && (
            <>
              {profile.data.email !== null && <Password me={profile.data} />}
              <Sessions />
              <Keys role={profile.data.role} />
            </>
          )}
        </>
      )}
    </Page>
  );
}

function You({ me }: { me: Profile }) {
  const { t } = useTranslation();
  const doors = useDoors();
  const provider = useProvider();
  const campus = doors.data?.provider ?? null;
  return (
    <section className={`panel ${css.part}`} aria-labelledby="you">
      <h2 id="you">{me.name}</h2>
      <p>{t(`profile.roles.${me.role}`)}</p>
      {!me.demo && <p>{me.email === null ? t('profile.noEmail') : t('profile.signedInWith', { email: me.email })}</p>}
      {campus !== null && (me.has_provider ? <p>{t('profile.linked', { name: campus })}</p> : (
        <Button variant="default" loading={provider.isPending} onClick={() => provider.mutate({ purpose: 'link' })}>
          {t('profile.link', { name: campus })}
        </Button>
      ))}
      <Complaint error={provider.error} />
    </section>
  );
}

function Likes({ me }: { me: Profile }) {
  const { t } = useTranslation();
  const put = usePutProfile();
  const [language, setLanguage] = useState(me.language ?? '');
  const [zone, setZone] = useState(me.zone ?? '');
  const send = (event: FormEvent) => {
    event.preventDefault();
    put.mutate({ language: language || null, zone: zone || null });
  };
  return (
    <section className={`panel ${css.part}`} aria-labelledby="likes">
      <h2 id="likes">{t('profile.likes')}</h2>
      <form onSubmit={send}>
        <NativeSelect
          label={t('profile.language')}
          value={language}
          onChange={(event) => setLanguage(event.currentTarget.value)}
          data={[{ value: '', label: t('profile.browser') }, ...languages.map((value) => ({ value, label: nameOf(value) }))]}
          mb="sm"
        />
        <NativeSelect
          label={t('profile.zone')}
          value={zone}
          onChange={(event) => setZone(event.currentTarget.value)}
          data={[{ value: '', label: t('profile.resource') }, ...zones]}
          mb="sm"
        />
        <Group>
          <Button type="submit" loading={put.isPending}>{t('profile.save')}</Button>
          {put.isSuccess && <span role="status">{t('profile.saved')}</span>}
        </Group>
        <Complaint error={put.error} />
      </form>
    </section>
  );
}

function Password({ me }: { me: Profile }) {
  const { t } = useTranslation();
  const change = useComeIn<Record<string, string>>('/api/me/password', 'PUT');
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    change.mutate(fields, { onSuccess: () => form.reset() });
  };
  return (
    <section className={`panel ${css.part}`} aria-labelledby="password">
      <h2 id="password">{t('profile.password')}</h2>
      <form onSubmit={send}>
        <input type="hidden" name="" autoComplete="username" value={me.email ?? ''} readOnly />
        {me.has_password && <PasswordField name="current" label={t('profile.current')} />}
        <PasswordField name="new" fresh />
        <Group>
          <Button type="submit" loading={change.isPending}>{t('profile.change')}</Button>
          {change.isSuccess && <span role="status">{t('profile.changed')}</span>}
        </Group>
        <Complaint error={change.error} />
      </form>
    </section>
  );
}

function useWhen(): (at: string) => string {
  const { i18n } = useTranslation();
  const format = new Intl.DateTimeFormat(i18n.language, { dateStyle: 'medium', timeStyle: 'short' });
  return (at) => format.format(new Date(at));
}

function Sessions() {
  const { t } = useTranslation();
  const when = useWhen();
  const sessions = useSessions();
  const end = useEndSession();
  return (
    <section className={`panel ${css.part}`} aria-labelledby="sessions">
      <h2 id="sessions">{t('profile.sessions')}</h2>
      <ul className="plain">
        {sessions.data?.items.map((session) => (
          <li key={session.id} className={css.row} data-testid="session-row">
            <span>
              <span className={css.name}>{session.this ? t('profile.this') : session.browser || '–'}</span>
              <span className={css.small}>{t('profile.since', { time: when(session.since) })}, {t('profile.seen', { time: when(session.seen_at) })}</span>
            </span>
            {!session.this && (
              <Button variant="default" size="compact-md" onClick={() => end.mutate(session.id)}>{t('profile.end')}</Button>
            )}
          </li>
        ))}
      </ul>
      {(sessions.data?.items.length ?? 0) > 1 && (
        <Button variant="default" mt="sm" onClick={() => end.mutate(null)}>{t('profile.endOthers')}</Button>
      )}
      <Complaint error={sessions.error ?? end.error} />
    </section>
  );
}

function Keys({ role }: { role: Profile['role'] }) {
  const { t } = useTranslation();
  const when = useWhen();
  const keys = useKeys();
  const make = useMakeKey();
  const revoke = useRevokeKey();
  const [made, setMade] = useState<KeyMade | null>(null);
  const [days, setDays] = useState<number | string>('');
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    const body = { label: String(fields.get('label') ?? ''), scopes: fields.getAll('scope').map(String) };
    make.mutate(typeof days === 'number' ? { ...body, days } : body, {
      onSuccess: (key) => {
        setMade(key);
        form.reset();
        setDays('');
      },
    });
  };
  return (
    <section className={`panel ${css.part}`} aria-labelledby="keys">
      <h2 id="keys">{t('profile.keys')}</h2>
      <p>{t('profile.keysLead')}</p>
      {keys.data?.items.length === 0 && <p>{t('profile.noKeys')}</p>}
      <ul className="plain">
        {keys.data?.items.map((key) => (
          <li key={key.id} className={css.row} data-testid="key-row">
            <span>
              <span className={css.name}>{key.label || '–'}</span>
              <span className={css.small}>
                {key.scopes.map((scope) => t(`profile.scope.${scope}`)).join(', ')}
                {', '}
                {key.seen_at ? t('profile.seen', { time: when(key.seen_at) }) : t('profile.unused')}
                {key.until ? `, ${t('profile.until', { time: when(key.until) })}` : ''}
              </span>
            </span>
            <Button variant="default" size="compact-md" onClick={() => revoke.mutate(key.id)}>{t('profile.revoke')}</Button>
          </li>
        ))}
      </ul>
      {made && (
        <div role="status" className={css.made}>
          <p>{t('profile.made')}</p>
          <code data-testid="new-key">{made.key}</code>
          <Button variant="default" size="compact-md" onClick={() => setMade(null)}>{t('profile.hide')}</Button>
        </div>
      )}
      <form onSubmit={send}>
        <TextInput name="label" label={t('profile.label')} maxLength={100} required mb="sm" />
        <Checkbox.Group label={t('profile.scopes')} defaultValue={['read']} mb="sm">
          {scopes[role].map((scope) => <Checkbox key={scope} name="scope" value={scope} label={t(`profile.scope.${scope}`)} mt={6} />)}
        </Checkbox.Group>
        <NumberInput label={t('profile.days')} placeholder={t('profile.never')} value={days} onChange={setDays} min={1} max={3650} mb="sm" />
        <Button type="submit" loading={make.isPending}>{t('profile.make')}</Button>
        <Complaint error={make.error ?? revoke.error ?? keys.error} />
      </form>
    </section>
  );
}
