// The frame of every screen outside: the name of the house, language and colours, and one form.
import { Anchor, Button, PasswordInput, TextInput, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { FormEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Logo } from '../../../components/Logo';
import { ColourSwitch, LanguageSwitch } from '../../../components/Switches';
import { Problem } from '../../../lib/http';
import css from './SignIn.module.css';

export function Outside({ children }: { children: ReactNode }) {
  return (
    <div className={css.page}>
      <header className={css.top}>
        <Logo />
        <LanguageSwitch />
        <ColourSwitch />
      </header>
      <main className={css.main} id="content">{children}</main>
    </div>
  );
}

interface Asked {
  title: string;
  lead: string;
  submit: string;
  pending: boolean;
  error: unknown;
  onSubmit: (fields: Record<string, string>) => void;
  children: ReactNode;
  more?: ReactNode;
}

/** A form whose fields are read when it is sent: a password is nowhere else. */
export function DoorForm({ title, lead, submit, pending, error, onSubmit, children, more }: Asked) {
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    onSubmit(Object.fromEntries([...fields].map(([name, value]) => [name, String(value)])));
  };
  return (
    <form onSubmit={send} className={`panel ${css.form}`}>
      <Title order={1} className={css.title}>{title}</Title>
      <p className={css.lead}>{lead}</p>
      {children}
      <Complaint error={error} />
      <Button type="submit" size="md" mt="md" fullWidth loading={pending}>{submit}</Button>
      {more}
    </form>
  );
}

export function Complaint({ error }: { error: unknown }) {
  const { t } = useTranslation();
  if (!error) return null;
  const says = error instanceof Problem ? (error.code === 'wrong_password' ? t('doors.wrong') : error.message) : t('doors.noAnswer');
  return <p role="alert" className={css.error}>{says}</p>;
}

export function EmailField() {
  const { t } = useTranslation();
  return <TextInput name="email" type="email" label={t('doors.email')} autoComplete="username" required size="md" mb="sm" />;
}

export function PasswordField({ fresh = false, name = 'password', label }: { fresh?: boolean; name?: string; label?: string }) {
  const { t } = useTranslation();
  return (
    <PasswordInput
      name={name}
      label={label ?? t(fresh ? 'doors.newPassword' : 'doors.password')}
      description={fresh ? t('doors.passwordHint') : undefined}
      autoComplete={fresh ? 'new-password' : 'current-password'}
      minLength={fresh ? 10 : undefined}
      required
      size="md"
      mb="sm"
    />
  );
}

export function ToSignIn() {
  const { t } = useTranslation();
  return <Anchor component={Link} to="/" display="block" mt="md">{t('doors.back')}</Anchor>;
}
