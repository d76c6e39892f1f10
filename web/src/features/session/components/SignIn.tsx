// The first screen: who are you? In the demo a choice of people, elsewhere an address and a password, the provider, or an API key.
import { Anchor, Button, PasswordInput, Skeleton, Stack, Text, Title, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { Link, Navigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { DemoPerson } from '../../../api/types';
import { Problem } from '../../../lib/http';
import { initials } from '../../../lib/initials';
import { useComeIn, useDemoSignIn, useKeySignIn, useProvider } from '../mutations';
import { useDemoPeople, useDoors } from '../queries';
import { Complaint, DoorForm, EmailField, Outside, PasswordField } from './Door';
import css from './SignIn.module.css';

export function SignIn() {
  const { t } = useTranslation();
  const people = useDemoPeople(true);
  return (
    <Outside>
      {people.isPending && <Skeleton height={320} radius="lg" aria-label={t('common.loading')} />}
      {people.isError && (
        <Stack align="center">
          <Text role="alert">{t('common.noAnswer')}</Text>
          <Button onClick={() => void people.refetch()}>{t('common.retry')}</Button>
        </Stack>
      )}
      {people.data && <People people={people.data} />}
      {people.data === null && <Ways />}
    </Outside>
  );
}

/** A password for most, a key for whoever was given one. */
function Ways() {
  const { t } = useTranslation();
  const doors = useDoors();
  const [withKey, setWithKey] = useState(false);
  if (doors.data?.setup) return <Navigate to="/setup" />;
  return (
    <>
      {withKey ? <KeyForm /> : <PasswordForm provider={doors.data?.provider ?? null} />}
      <Anchor component="button" type="button" display="block" mx="auto" mt="lg" onClick={() => setWithKey(!withKey)}>
        {t(withKey ? 'doors.withPassword' : 'doors.withKey')}
      </Anchor>
    </>
  );
}

const told = new Set(['provider_unknown', 'provider_denied', 'provider_expired', 'provider_failed', 'provider_taken', 'link_over']);

function PasswordForm({ provider }: { provider: string | null }) {
  const { t } = useTranslation();
  const comeIn = useComeIn<Record<string, string>>('/api/session');
  const atProvider = useProvider();
  const back = new URLSearchParams(window.location.search).get('sign_in') ?? '';
  return (
    <DoorForm
      title={t('doors.signInTitle')}
      lead={t('doors.signInLead')}
      submit={t('doors.signIn')}
      pending={comeIn.isPending}
      error={comeIn.error}
      onSubmit={(fields) => comeIn.mutate(fields)}
      more={
        <>
          {provider !== null && (
            <Button variant="default" size="md" mt="sm" fullWidth loading={atProvider.isPending} onClick={() => atProvider.mutate({ purpose: 'sign_in' })}>
              {t('doors.withProvider', { name: provider })}
            </Button>
          )}
          {told.has(back) && <p role="alert" className={css.error}>{t(`doors.provider.${back}`)}</p>}
          <Complaint error={atProvider.error} />
          <Anchor component={Link} to="/forgot" display="block" mt="md">{t('doors.forgot')}</Anchor>
        </>
      }
    >
      <EmailField />
      <PasswordField />
    </DoorForm>
  );
}

function People({ people }: { people: DemoPerson[] }) {
  const { t } = useTranslation();
  const signIn = useDemoSignIn();
  return (
    <>
      <Title order={1} className={css.title}>{t('signIn.title')}</Title>
      <p className={css.lead}>{t('signIn.lead')}</p>
      <ul className={css.people}>
        {people.map((person) => (
          <li key={person.id}>
            <UnstyledButton
              className={css.person}
              data-testid="person-card"
              data-person={person.id}
              disabled={signIn.isPending}
              onClick={() => signIn.mutate(person.id)}
            >
              <span className={css.initials} data-title={person.title} aria-hidden="true">{initials(person.name)}</span>
              <span>
                <span className={css.name}>
                  {person.name}
                  <VisuallyHidden>, </VisuallyHidden>
                </span>
                <span className={css.role}>{person.title}</span>
              </span>
            </UnstyledButton>
          </li>
        ))}
      </ul>
      {signIn.isError && <p role="alert" className={css.error}>{t('signIn.failed', { reason: signIn.error.message })}</p>}
      <p className={css.tip}>{t('signIn.tip')}</p>
    </>
  );
}

function KeyForm() {
  const { t } = useTranslation();
  const signIn = useKeySignIn();
  const [key, setKey] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim()) signIn.mutate(key.trim());
  };
  const wrong = signIn.error instanceof Problem && signIn.error.status === 401;
  return (
    <form onSubmit={submit} className={`panel ${css.form}`}>
      <Title order={1} className={css.title}>{t('signIn.keyTitle')}</Title>
      <p className={css.lead}>{t('signIn.keyLead')}</p>
      <PasswordInput
        label={t('signIn.keyLabel')}
        value={key}
        onChange={(event) => setKey(event.currentTarget.value)}
        autoComplete="off"
        size="md"
        error={signIn.isError ? (wrong ? t('signIn.keyWrong') : t('common.noAnswer')) : undefined}
      />
      <Button type="submit" size="md" mt="md" fullWidth loading={signIn.isPending}>{t('signIn.keySubmit')}</Button>
    </form>
  );
}
