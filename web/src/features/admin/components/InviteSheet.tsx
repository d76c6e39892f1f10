// Invites somebody new: who they are, where the letter goes, and what they will be let do. What is wrong stands beside its field.
import { Button, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Sheet } from '../../../components/Sheet';
import { wrongIn } from '../../../lib/refusals';
import { useDeed } from '../people';
import css from './Admin.module.css';
import { InvitationLink } from './InvitationLink';
import { RoleFields, scopeReady, type Scope } from './RoleFields';
import { Refused } from './Trouble';

const empty = { name: '', email: '', title: '' };

export function InviteSheet({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(empty);
  const [scope, setScope] = useState<Scope>({ role: 'member', manages: [] });
  const deed = useDeed();
  const change = (part: Partial<typeof text>) => setText({ ...text, ...part });
  const ready = text.name.trim() !== '' && text.email.trim() !== '' && scopeReady(scope);
  const wrong = (field: keyof typeof empty) => wrongIn(t, deed.error, field);
  const placed = wrong('name') ?? wrong('email') ?? wrong('title');

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!ready) return;
    const { role, manages } = scope;
    await deed.carryOut({ path: '/api/invitations', method: 'POST', body: { name: text.name.trim(), email: text.email.trim(), title: text.title.trim(), role, manages: role === 'manager' ? manages.map(({ id }) => id) : [] } });
  }

  return (
    <Sheet onClose={onClose} title={t('admin.invite.title')} size={560} testId="invite">
      {deed.invited ? (
        <div className={css.cards}>
          <InvitationLink name={text.name.trim()} invited={deed.invited} />
          <div className={css.row}>
            <Button data-autofocus onClick={() => { deed.clear(); setText(empty); }}>{t('admin.invite.another')}</Button>
            <Button variant="default" onClick={onClose}>{t('common.close')}</Button>
          </div>
        </div>
      ) : (
        <form className={css.cards} onSubmit={(event) => void submit(event)}>
          <TextInput label={t('admin.field.name')} required maxLength={200} data-autofocus autoComplete="off" value={text.name} error={wrong('name')} onChange={(event) => change({ name: event.currentTarget.value })} />
          <TextInput type="email" label={t('admin.people.email')} description={t('admin.invite.emailHint')} required maxLength={254} autoComplete="off" value={text.email} error={wrong('email')} onChange={(event) => change({ email: event.currentTarget.value })} />
          <TextInput label={t('admin.people.title')} description={t('admin.invite.titleHint')} maxLength={200} autoComplete="off" value={text.title} error={wrong('title')} onChange={(event) => change({ title: event.currentTarget.value })} />
          <RoleFields scope={scope} onChange={setScope} />
          {!placed && <Refused error={deed.error} />}
          <div className={css.row}>
            <Button type="submit" loading={deed.busy} aria-disabled={!ready} data-testid="invite-send">{t('admin.invite.do')}</Button>
            <Button variant="default" onClick={onClose}>{t('common.cancel')}</Button>
          </div>
        </form>
      )}
    </Sheet>
  );
}
