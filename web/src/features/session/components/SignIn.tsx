// The first screen: who are you? In the demo a choice of people, elsewhere an API key.
import { Button, PasswordInput, Skeleton, Stack, Text, Title, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { DemoPerson } from '../../../api/types';
import { Logo } from '../../../components/Logo';
import { ColourSwitch, LanguageSwitch } from '../../../components/Switches';
import { Problem } from '../../../lib/http';
import { initials } from '../../../lib/initials';
import { useDemoSignIn, useKeySignIn } from '../mutations';
import { useDemoPeople } from '../queries';
import css from './SignIn.module.css';

export function SignIn() {
  const { t } = useTranslation();
  const people = useDemoPeople(true);
  return (
    <div className={css.page}>
      <header className={css.top}>
        <Logo />
        <LanguageSwitch />
        <ColourSwitch />
      </header>
      <main className={css.main} id="content">
        {people.isPending && <Skeleton height={320} radius="lg" aria-label={t('common.loading')} />}
        {people.isError && (
          <Stack align="center">
            <Text role="alert">{t('common.noAnswer')}</Text>
            <Button onClick={() => void people.refetch()}>{t('common.retry')}</Button>
          </Stack>
        )}
        {people.data && <People people={people.data} />}
        {people.data === null && <KeyForm />}
      </main>
    </div>
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
