// What happened and what is free instead. Stays as long as the dialog: a toast is gone before it is read.
import { Button, Loader } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { ProblemBody, SearchItem } from '../../../api/types';
import { Notice } from '../../../components/Notice';
import { isLostRace, refusalSentence } from '../../../lib/refusals';
import type { Filters } from '../../search/filters';
import { useAlternatives } from '../queries';
import css from './ConflictPanel.module.css';

interface Props {
  problem: ProblemBody;
  refused: string;
  filters: Filters;
  onTake: (item: SearchItem, as_of: string) => void;
  /** Of a booking that stands already: what did not happen, and what is offered, is to move it. */
  moves?: boolean;
}

export function ConflictPanel({ problem, refused, filters, onTake, moves = false }: Props) {
  const { t } = useTranslation();
  // A hold that ran out can be had again; it is no reason to look for another room.
  const elsewhere = problem.code !== 'hold_expired';
  const alternatives = useAlternatives(refused, problem.alternatives, filters, elsewhere);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className={css.panel} data-testid="conflict-panel">
      <Notice tone="taken" icon="warning">
        <h3 className={css.title} ref={heading} tabIndex={-1}>{refusalSentence(t, problem)}</h3>
        {isLostRace(problem.code) && <p className={css.hint}>{t(moves ? 'bookings.moveFailed' : 'claim.refusedTitle')}.</p>}
      </Notice>
      {elsewhere && <h4 className={css.subtitle}>{t('conflict.alternatives')}</h4>}
      {alternatives.isLoading && (
        <p role="status" className={css.hint}>
          <Loader size="xs" /> {t('conflict.loading')}
        </p>
      )}
      {alternatives.data?.items.length === 0 && <p className={css.hint}>{t('conflict.none')}</p>}
      <ul className={css.list}>
        {alternatives.data?.items.map((item) => (
          <li key={item.resource.id} className={css.item} data-testid="alternative" data-resource={item.resource.id}>
            <span>
              <span className={css.name}>{item.resource.name}</span>
              <span className={css.facts}>
                {[item.resource.building, item.resource.seats !== null ? t('card.seats', { count: item.resource.seats }) : null]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </span>
            <Button
              variant="light"
              aria-label={t(moves ? 'conflict.moveTo' : 'conflict.take', { name: item.resource.name })}
              onClick={() => onTake(item, alternatives.data.as_of)}
            >
              {t(moves ? 'bookings.moveShort' : 'conflict.takeShort')}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
