// The first start: whoever has the code that the server printed becomes its admin.
import { TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useComeIn } from '../mutations';
import { useDoors } from '../queries';
import { DoorForm, EmailField, Outside, PasswordField, ToSignIn } from './Door';

export default function SetUpPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const doors = useDoors();
  const comeIn = useComeIn<Record<string, string>>('/api/setup');
  if (doors.data && !doors.data.setup && !comeIn.isSuccess) {
    return <Outside><p role="status">{t('doors.setUpDone')}</p><ToSignIn /></Outside>;
  }
  return (
    <Outside>
      <DoorForm
        title={t('doors.setUpTitle')}
        lead={t('doors.setUpLead')}
        submit={t('doors.setUp')}
        pending={comeIn.isPending}
        error={comeIn.error}
        onSubmit={(fields) => comeIn.mutate(fields, { onSuccess: () => void navigate({ to: '/' }) })}
      >
        <TextInput name="code" label={t('doors.code')} autoComplete="off" required size="md" mb="sm" />
        <TextInput name="name" label={t('doors.name')} autoComplete="name" required size="md" mb="sm" />
        <EmailField />
        <PasswordField fresh />
      </DoorForm>
    </Outside>
  );
}
