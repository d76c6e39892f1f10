// What happened and what is free instead. Stays as long as the dialog: a toast is gone before it is read.
import { Button, Loader } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useQuery } from '@tanstack/react-query';
import type { Alternative, Booking, ProblemBody, SearchItem } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { isLostRace, refusalSentence } from '../../../lib/refusals';
import { ask } from '../../../lib/http';
import { serverNow } from '../../../lib/serverClock';
import { writeInterval, writeLength } from '../../../lib/times';
import type { Filters } from '../../search/filters';
import { WhatHappened } from '../../explain/components/WhatHappened';
import { useAlternatives, type Refused } from '../queries';
import css from './ConflictPanel.module.css';

/** How many of each are offered: enough to choose from, and still one look. */
const shown_max = { other_resource: 4, other_time: 4, shorter: 1 };
const ways = ['other_resource', 'other_time', 'shorter'] as const;

interface Props {
  problem: ProblemBody;
  refused: Refused;
  filters: Filters;
  onTake: (item: SearchItem, as_of: string) => void;
  /** Of a booking that stands already: what did not happen, and what is offered, is to move it. */
  moves?: boolean;
}

export function ConflictPanel({ problem, refused, filters, onTake, moves = false }: Props) {
  const { t } = useTranslation();
  // A hold that ran out can be had again; it is no reason to look for something else.
  const elsewhere = problem.code !== 'hold_expired';
  const alternatives = useAlternatives(refused, problem.alternatives, filters, elsewhere);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className={css.panel} data-testid="conflict-panel">
      <Notice tone="taken" icon="warning">
        <h3 className={css.title} ref={heading} tabIndex={-1}>{refusalSentence(t, problem)}</h3>
        <Ago problem={problem} />
        {isLostRace(problem.code) && <p className={css.hint}>{t(moves ? 'bookings.moveFailed' : 'claim.refusedTitle')}.</p>}
      </Notice>
      {problem.attempt && problem.outcome === 'REJECTED' && <WhatHappened attempt={problem.attempt} />}
      {alternatives.isLoading && (
        <p role="status" className={css.hint}>
          <Loader size="xs" /> {t('conflict.loading')}
        </p>
      )}
      {alternatives.data?.items.length === 0 && <p role="status" className={css.hint}>{t('conflict.none')}</p>}
      {ways.map((why) => {
        const items = alternatives.data?.items.filter((item) => item.why === why).slice(0, shown_max[why]) ?? [];
        return (
          items.length > 0 && (
            <section key={why} aria-labelledby={`way-${why}`}>
              <h4 className={css.subtitle} id={`way-${why}`}>{t(`conflict.${why}`)}</h4>
              <ul className={css.list}>
                {items.map((item) => (
                  <Choice key={`${item.resource.id} ${item.start}`} item={item} moves={moves} onTake={() => onTake(item, alternatives.data!.as_of)} />
                ))}
              </ul>
            </section>
          )
        );
      })}
    </div>
  );
}

/** How long the booking that stands there has stood. */
function Ago({ problem: { witness } }: { problem: ProblemBody }) {
  const { t, i18n } = useTranslation();
  const id = witness?.kind === 'booking' ? witness.id : null;
  const booking = useQuery({
    queryKey: ['witness', id],
    enabled: Boolean(id),
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => ({ ...(await ask<Booking>(`/api/bookings/${id}`, { signal })), read_at: serverNow() }),
  }).data;
  // Its line is there from the beginning, so that nothing moves when it is known.
  return <p className={css.hint} hidden={!id}>{booking ? t('conflict.ago', { name: booking.lines[0]?.name ?? '', length: writeLength(Math.max(1_000, booking.read_at - Date.parse(booking.created_at)), i18n.language) }) : '\u00a0'}</p>;
}

function Choice({ item, moves, onTake }: { item: Alternative; moves: boolean; onTake: () => void }) {
  const { t, i18n } = useTranslation();
  const { why, resource, start, end } = item;
  const when = writeInterval(start, end, resource.zone, i18n.language);
  const elsewhere = why === 'other_resource';
  const facts = [resource.building, resource.seats !== null ? t('card.seats', { count: resource.seats }) : null];
  return (
    <li className={css.item} data-testid="alternative" data-why={why} data-resource={resource.id} data-start={start} data-end={end}>
      <span>
        <span className={css.name}>{elsewhere ? resource.name : when}</span>
        {elsewhere && <span className={css.facts}>{facts.filter(Boolean).join(' · ')}</span>}
      </span>
      <Button
        variant="light"
        aria-label={
          elsewhere
            ? t(moves ? 'conflict.moveTo' : 'conflict.take', { name: resource.name })
            : t(moves ? 'conflict.moveToTime' : 'conflict.takeAt', { name: resource.name, when })
        }
        onClick={onTake}
      >
        {t(moves ? 'bookings.moveShort' : 'conflict.takeShort')}
      </Button>
    </li>
  );
}
