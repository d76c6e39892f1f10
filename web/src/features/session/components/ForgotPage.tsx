// A forgotten password: the answer is the same whether there is somebody or not.
import { useTranslation } from 'react-i18next';
import { useAskForReset } from '../mutations';
import { useDoors } from '../queries';
import { DoorForm, EmailField, Outside, ToSignIn } from './Door';

export default function ForgotPage() {
  const { t } = useTranslation();
  const doors = useDoors();
  const asked = useAskForReset();
  const says = doors.data && !doors.data.reset ? t('doors.noLetters') : asked.isSuccess ? t('doors.sent') : null;
  return (
    <Outside>
      {says !== null ? <p role="status">{says}</p> : (
        <DoorForm
          title={t('doors.forgotTitle')}
          lead={t('doors.forgotLead')}
          submit={t('doors.send')}
          pending={asked.isPending}
          error={asked.error}
          onSubmit={({ email = '' }) => asked.mutate(email)}
        >
          <EmailField />
        </DoorForm>
      )}
      <ToSignIn />
    </Outside>
  );
}
