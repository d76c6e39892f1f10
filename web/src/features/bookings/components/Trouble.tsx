// Says why a change of a booking did not happen, where nothing can be offered instead.
import { useTranslation } from 'react-i18next';
import { Notice } from '../../../components/Notice';
import type { Settled } from '../../../lib/attempt';
import { refusalSentence } from '../../../lib/refusals';

export function Trouble({ title, trouble }: { title: string; trouble: Exclude<Settled, { end: 'accepted' }> }) {
  const { t } = useTranslation();
  return (
    <Notice urgent tone="few" icon="warning" title={title}>
      {trouble.end === 'unknown'
        ? t('claim.unknownTitle')
        : trouble.end === 'never_arrived'
          ? t('claim.neverArrivedTitle')
          : refusalSentence(t, trouble.problem)}
    </Notice>
  );
}
