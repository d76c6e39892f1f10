// What every list may come to besides its items: still loading, empty, not readable, not allowed, or old because nobody answers.
// Old items stay in sight with their age; nothing is hidden because the line is down.
import { Button, Skeleton, VisuallyHidden } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ReactNode } from 'react';
import { LostAnswer, Problem } from '../lib/http';
import { refusalSentence } from '../lib/refusals';
import { viewerZone, writeClock } from '../lib/times';
import css from './ListState.module.css';
import { Notice } from './Notice';

interface Query {
  isPending: boolean;
  isError: boolean;
  error: unknown;
  fetchStatus: 'fetching' | 'paused' | 'idle';
  dataUpdatedAt: number;
  data: unknown;
  refetch: () => unknown;
}

interface Props {
  query: Query;
  /** How many skeletons, and how high: as the items will be, so that nothing jumps. */
  skeletons: { count: number; height: number };
  isEmpty: boolean;
  empty: { title: string; text: string; way?: ReactNode };
  children: ReactNode;
}

export function ListState({ query, skeletons, isEmpty, empty, children }: Props) {
  const { t, i18n } = useTranslation();
  const nobodyAnswers = query.fetchStatus === 'paused' || query.error instanceof LostAnswer;
  if (query.data === undefined) {
    if (query.isPending && query.fetchStatus !== 'paused') {
      return (
        <div data-testid="loading">
          <VisuallyHidden role="status">{t('common.loading')}</VisuallyHidden>
          {Array.from({ length: skeletons.count }, (_, index) => <Skeleton key={index} height={skeletons.height} mb={12} radius="lg" />)}
        </div>
      );
    }
    const denied = query.error instanceof Problem && query.error.status === 403;
    return (
      <div className={`panel ${css.message}`} role="alert" data-testid={denied ? 'denied' : nobodyAnswers ? 'offline' : 'trouble'}>
        <h2>{denied ? t('states.deniedTitle') : nobodyAnswers ? t('states.offlineTitle') : t('states.errorTitle')}</h2>
        <p>{denied ? t('states.denied') : nobodyAnswers ? t('states.offlineEmpty') : why(query.error)}</p>
        {!denied && <Button onClick={() => void query.refetch()}>{t('common.retry')}</Button>}
      </div>
    );
  }
  return (
    <>
      {(query.isError || query.fetchStatus === 'paused') && (
        <div className={css.old} role="status" data-testid="old-data">
          <Notice tone="few" icon="warning" title={nobodyAnswers ? t('states.offlineTitle') : t('states.errorTitle')}>
            {t('states.oldData', { time: writeClock(query.dataUpdatedAt, viewerZone, i18n.language, true) })}
          </Notice>
        </div>
      )}
      {isEmpty ? (
        <div className={`panel ${css.message}`} data-testid="empty">
          <h2>{empty.title}</h2>
          <p>{empty.text}</p>
          {empty.way}
        </div>
      ) : (
        children
      )}
    </>
  );

  function why(cause: unknown): string {
    return cause instanceof Problem ? refusalSentence(t, cause.body) : t('refusal.other');
  }
}
