// An invitation: looked at first, and accepted only when somebody says so. What stands behind the # never reaches a log.
import { Button } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { ask } from '../../../lib/http';
import { useComeIn, useProvider } from '../mutations';
import { useSecretOfAddress } from '../useSecretOfAddress';
import { Complaint, DoorForm, Outside, PasswordField, ToSignIn } from './Door';

interface Invitation {
  name: string;
  email: string | null;
  provider: string | null;
}

export default function InvitationPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const token = useSecretOfAddress();
  const comeIn = useComeIn<{ token: string; password: string }>('/api/invitations/accept');
  const provider = useProvider();
  const invitation = useQuery({
    queryKey: ['invitation', token],
    retry: false,
    queryFn: () => ask<Invitation>('/api/invitations/look', { method: 'POST', body: { token } }),
  });
  if (invitation.isPending) return <Outside><p role="status">{t('common.loading')}</p></Outside>;
  if (invitation.isError) return <Outside><p role="alert">{t('doors.linkOver')}</p><ToSignIn /></Outside>;
  const { name, email, provider: campus } = invitation.data;
  return (
    <Outside>
      <DoorForm
        title={t('doors.invitationTitle', { name })}
        lead={t('doors.invitationLead', { email: email ?? '' })}
        submit={t('doors.accept')}
        pending={comeIn.isPending}
        error={comeIn.error}
        onSubmit={({ password = '' }) => comeIn.mutate({ token, password }, { onSuccess: () => void navigate({ to: '/' }) })}
        more={campus !== null && (
          <>
            <Button variant="default" size="md" mt="sm" fullWidth loading={provider.isPending} onClick={() => provider.mutate({ purpose: 'invitation', token })}>
              {t('doors.acceptProvider', { name: campus })}
            </Button>
            <Complaint error={provider.error} />
          </>
        )}
      >
        <input type="hidden" autoComplete="username" name="email" value={email ?? ''} readOnly />
        <PasswordField fresh />
      </DoorForm>
    </Outside>
  );
}
