// "It was free on my screen": opens what the record says of an attempt, step by step with its times. It judges nothing.
import { Button, Loader } from '@mantine/core';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { viewerZone, writeClock } from '../../../lib/times';
import { useExplanation } from '../queries';
import { stepsOf } from '../steps';
import css from './WhatHappened.module.css';

export function WhatHappened({ attempt }: { attempt: string }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  const list = useId();
  const { data, isLoading, isError } = useExplanation(attempt, open);
  const zone = data?.asked[0]?.zone ?? viewerZone;
  return (
    <div className={css.panel} data-testid="what-happened">
      <Button variant="subtle" size="compact-sm" aria-expanded={open} aria-controls={list} onClick={() => setOpen(!open)}>
        {t(open ? 'explain.close' : 'explain.open')}
      </Button>
      <div id={list} role="status" hidden={!open}>
        {isLoading && (
          <p className={css.hint}>
            <Loader size="xs" /> {t('explain.loading')}
          </p>
        )}
        {isError && <p className={css.hint}>{t('explain.failed')}</p>}
        {data && (
          <ol className={css.list} aria-label={t('explain.title')}>
            {stepsOf(data).map((step) => (
              <li key={`${step.at} ${step.key} ${Object.values(step.gaps).join()}`} className={css.step} data-decisive={step.decisive || undefined}>
                <time className={css.time} dateTime={step.at}>{writeClock(step.at, zone, i18n.language, true)}</time>
                <span>{t(step.key, step.gaps)}</span>
              </li>
            ))}
          </ol>
        )}
      </div>
    </div>
  );
}
