// A new password by a link: nothing happens until somebody has chosen one.
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Problem } from '../../../lib/http';
import { useComeIn } from '../mutations';
import { useSecretOfAddress } from '../useSecretOfAddress';
import { DoorForm, Outside, PasswordField, ToSignIn } from './Door';

export default function ResetPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const token = useSecretOfAddress();
  const comeIn = useComeIn<{ token: string; password: string }>('/api/password-reset/finish');
  if (comeIn.error instanceof Problem && comeIn.error.code === 'link_over') {
    return <Outside><p role="alert">{t('doors.linkOver')}</p><ToSignIn /></Outside>;
  }
  return (
    <Outside>
      <DoorForm
        title={t('doors.resetTitle')}
        lead={t('doors.resetLead')}
        submit={t('doors.reset')}
        pending={comeIn.isPending}
        error={comeIn.error}
        onSubmit={({ password = '' }) => comeIn.mutate({ token, password }, { onSuccess: () => void navigate({ to: '/' }) })}
      >
        <PasswordField fresh />
      </DoorForm>
    </Outside>
  );
}
