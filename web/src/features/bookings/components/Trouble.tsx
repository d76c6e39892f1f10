// Says why a change of a booking did not happen, where nothing can be offered instead.
import { useTranslation } from 'react-i18next';
import { Notice } from '../../../components/Notice';
import { refusalSentence } from '../../../lib/refusals';
import { writeLength } from '../../../lib/times';
import type { Trouble as What } from '../../claim/useAttempt';

export function Trouble({ title, trouble }: { title: string; trouble: What }) {
  const { t, i18n } = useTranslation();
  if (trouble.end === 'stale') {
    return (
      <Notice urgent tone="few" icon="warning" title={t('states.stale', { length: writeLength(trouble.age_ms, i18n.language) })}>
        {t('states.staleText')}
      </Notice>
    );
  }
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
