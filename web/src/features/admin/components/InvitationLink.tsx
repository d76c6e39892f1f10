// What became of an invitation: sent, or a link that is shown this once, to be handed over. Keeps it nowhere.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Invited } from '../../../api/types';
import { viewerZone, writeInstant } from '../../../lib/times';
import css from './Admin.module.css';

export function InvitationLink({ name, invited }: { name: string; invited: Invited }) {
  const { t, i18n } = useTranslation();
  const [copied, setCopied] = useState(false);
  const until = writeInstant(invited.until, viewerZone, i18n.language);
  if (invited.link === null) return <p role="status" className={css.said} data-testid="invited">{t('admin.invite.sent', { name, until })}</p>;
  return (
    <div role="status" className={css.cards} data-testid="invited">
      <p className={css.said}>{t('admin.invite.link', { name, until })}</p>
      <code className={css.id} data-testid="invitation-link">{invited.link}</code>
      <div>
        <Button variant="default" onClick={() => void navigator.clipboard?.writeText(invited.link!).then(() => setCopied(true), () => {})}>{t(copied ? 'admin.invite.copied' : 'admin.invite.copy')}</Button>
      </div>
    </div>
  );
}
