// Of a series: this date, this and those after it, or all that are not over.
import { Radio } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { scopes, type Scope } from '../scope';

export function ScopeChoice({ scope, onChange }: { scope: Scope; onChange: (scope: Scope) => void }) {
  const { t } = useTranslation();
  return (
    <Radio.Group label={t('series.scope')} value={scope} onChange={(value) => onChange(value as Scope)} data-testid="scope" my={12}>
      {scopes.map((one) => <Radio key={one} value={one} label={t(`series.scopes.${one}`)} py={6} />)}
    </Radio.Group>
  );
}
