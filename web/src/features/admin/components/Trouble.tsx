// Why a change did not happen, in words; what is not known is never told as refused.
import { useTranslation } from 'react-i18next';
import { Notice } from '../../../components/Notice';
import { LostAnswer, Problem } from '../../../lib/http';
import { refusalSentence } from '../../../lib/refusals';
import type { Trouble as Kind } from '../act';

export function Trouble({ trouble }: { trouble: Kind | null }) {
  const { t } = useTranslation();
  if (!trouble) return null;
  if (!('problem' in trouble)) return <Notice urgent tone="few" icon="warning" title={t('admin.unknown')} />;
  return (
    <Notice urgent tone="taken" icon="warning" title={t('admin.refused')}>
      <p style={{ margin: 0 }}>{refusalSentence(t, trouble.problem)}</p>
    </Notice>
  );
}

/** A list that could not be read. */
export function Unread({ error }: { error: Error | null }) {
  const { t } = useTranslation();
  if (!error) return null;
  const words = error instanceof LostAnswer ? t('common.noAnswer') : error instanceof Problem ? refusalSentence(t, error.body) : t('refusal.other');
  return <Notice urgent tone="taken" icon="warning" title={t('admin.unread')}><p style={{ margin: 0 }}>{words}</p></Notice>;
}

/** A change of how somebody comes in that was refused, or of which nobody knows. */
export function Refused({ error }: { error: Error | null }) {
  const { t } = useTranslation();
  if (!error) return null;
  if (!(error instanceof Problem)) return <Notice urgent tone="few" icon="warning" title={t('admin.unknown')} />;
  return <Notice urgent tone="taken" icon="warning" title={t('admin.refused')}><p style={{ margin: 0 }}>{refusalSentence(t, error.body)}</p></Notice>;
}
