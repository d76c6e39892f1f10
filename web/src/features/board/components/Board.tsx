// The board: what the server decided in the last minute, where, how fast; and in a demo a crowd to make it race.
import { Button, Skeleton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Board as BoardBody } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { useTitle } from '../../../components/Page';
import { Problem } from '../../../lib/http';
import { regional } from '../../../lib/times';
import { serverNow } from '../../../lib/serverClock';
import { useSignedIn } from '../../session/queries';
import { columns, sum, type Column } from '../board';
import { useBoard } from '../queries';
import { AttemptsChart } from './AttemptsChart';
import css from './Board.module.css';
import { CrowdForm } from './CrowdForm';
import { CrowdResult } from './CrowdResult';
import { Hottest } from './Hottest';
import { LatencyChart } from './LatencyChart';

/** With less motion wanted, the minute moves on in steps instead of with each second. */
const calm_step_ms = 10_000;

export default function Board() {
  const { t } = useTranslation();
  const me = useSignedIn();
  useTitle(t('board.title'));
  const state = useBoard();
  const [paused, setPaused] = useState<number | null>(null);
  const calm = useMediaQuery('(prefers-reduced-motion: reduce)');
  const now = useSecond();
  const until = paused ?? (calm ? Math.ceil(now / calm_step_ms) * calm_step_ms : now);
  const all = columns(state.seconds, until);
  const { board, crowd } = state;

  return (
    <main id="content" className={css.page} tabIndex={-1}>
      <div className={css.head}>
        <h1 className={css.title}>{t('board.title')}</h1>
        {board && (
          <Button variant="default" size="sm" aria-pressed={paused !== null} onClick={() => setPaused(paused === null ? until : null)}>
            {paused === null ? t('board.pause') : t('board.goOn')}
          </Button>
        )}
      </div>
      {state.isPending && <Skeleton height={420} radius="lg" aria-label={t('common.loading')} />}
      {!board && state.isError && <Trouble error={state.error} onRetry={() => void state.refetch()} />}
      {board && (
        <>
          <Figures board={board} all={all} />
          <div className={css.charts}>
            <AttemptsChart all={all} />
            <LatencyChart all={all} />
          </div>
          {me.demo && (
            <div className={css.race}>
              <CrowdForm crowd={crowd} onSent={state.noteCrowd} />
              <CrowdResult crowd={crowd} />
            </div>
          )}
          <Hottest hottest={board.hottest} />
        </>
      )}
    </main>
  );
}

function Trouble({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const { t } = useTranslation();
  if (error instanceof Problem && error.status === 403) {
    return <Notice tone="few" icon="lock" title={t('board.notAllowedTitle')}><p>{t('board.notAllowed')}</p></Notice>;
  }
  return (
    <Notice tone="taken" icon="warning" title={t('board.errorTitle')} urgent>
      <p>{error instanceof Problem ? error.message : t('common.noAnswer')}</p>
      <Button size="sm" mt="sm" onClick={onRetry}>{t('common.retry')}</Button>
    </Notice>
  );
}

function Figures({ board, all }: { board: BoardBody; all: Column[] }) {
  const { t, i18n } = useTranslation();
  const write = (value: number) => value.toLocaleString(regional(i18n.language));
  const minute = sum(all);
  const peak = Math.max(...all.map((column) => column.total));
  const batch = Math.max(0, ...all.map(({ second }) => second?.batch_max ?? 0));
  const figures: [string, string][] = [
    [t('board.peak'), write(peak)],
    [t('board.accepted'), write(minute.accepted)],
    [t('board.rejected'), write(minute.rejected)],
    [t('board.failed'), write(minute.failed)],
    [t('board.waiting'), `${write(board.queue.waiting)} / ${write(board.queue.waiting_max)}`],
    [t('board.batch'), write(batch)],
    [t('board.sockets'), write(board.sockets)],
  ];
  return (
    <dl className={`panel ${css.figures}`}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The server's clock, each second. */
function useSecond(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
