// Why an admin does something: one of the usual reasons or their own words. Never empty, since those concerned read it.
import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

export const usual = ['maintenance', 'emergency', 'priority', 'mistake', 'request'] as const;

export function Reason({ value, onChange, label }: { value: string; onChange: (reason: string) => void; label?: string }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState('');
  return (
    <>
      <NativeSelect
        label={t('admin.reason.usual')}
        value={chosen}
        data={[{ value: '', label: t('admin.reason.choose') }, ...usual.map((one) => ({ value: one, label: t(`admin.reason.${one}`) }))]}
        onChange={(event) => {
          const one = event.currentTarget.value;
          setChosen(one);
          if (one) onChange(t(`admin.reason.${one}`));
        }}
      />
      <TextInput
        label={label ?? t('admin.reason.own')}
        description={t('admin.reason.read')}
        required
        maxLength={500}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </>
  );
}
