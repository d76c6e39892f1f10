// Why somebody changes what is somebody else's: its owner is told, so it is never empty.
import { Textarea } from '@mantine/core';
import { useTranslation } from 'react-i18next';

interface Props {
  value: string;
  onChange: (reason: string) => void;
  /** It was asked for and is not there. */
  missing: boolean;
  focus?: boolean;
  testId?: string;
}

export function Why({ value, onChange, missing, focus = false, testId = 'reason' }: Props) {
  const { t } = useTranslation();
  return (
    <Textarea
      label={t('bookings.why')}
      description={t('bookings.whyText')}
      value={value}
      maxLength={500}
      rows={3}
      required
      data-autofocus={focus || undefined}
      data-testid={testId}
      error={missing ? t('bookings.whyMissing') : null}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
