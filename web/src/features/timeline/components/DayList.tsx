// One room and its day as a list from morning to evening: the same as the grid, for small screens and for whoever prefers to read.
import { Button, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { TimelineRow } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { writeClocks, writeShortDay } from '../../../lib/times';
import { cellsOf, heatOf, isShared, runsOf, type Column } from '../timeline';
import { nameOf, signs, stateWords } from '../words';
import css from './Grid.module.css';

interface Props {
  rows: Map<number, TimelineRow>;
  columns: Column[];
  now: number;
  zone: string;
  onPick: (row: TimelineRow, start: number, end: number) => void;
}

export function DayList({ rows, columns, now, zone, onPick }: Props) {
  const { t, i18n } = useTranslation();
  const known = [...rows.values()];
  const [id, setId] = useState<string | null>(null);
  const row = known.find(({ resource }) => resource.id === id) ?? known[0];
  if (!row) return null;
  const day = columns.filter((column) => column.day === 0);
  const cells = cellsOf(row, day, now);
  const runs = [...runsOf(cells, day)];
  return (
    <div data-testid="timeline-list">
      <NativeSelect
        label={t('timeline.pickRoom')}
        mb="md"
        data={known.map((one) => ({ value: one.resource.id, label: nameOf(one) }))}
        value={row.resource.id}
        onChange={(event) => setId(event.currentTarget.value)}
      />
      {row.resource.approval && <p className={css.count}><Icon name="check" size={15} /> {t('card.approval')}</p>}
      <ul className={css.list} aria-label={t('timeline.listOf', { name: nameOf(row), day: writeShortDay(day[0]!.start, zone, i18n.language) })}>
        {runs.map(([first, length]) => {
          const cell = cells[first]!;
          const [start, end] = [day[first]!.start, day[first + length - 1]!.end];
          const heat = isShared(row) ? heatOf(row, { start, end }) : null;
          // The first hour of what is free; the claim lets another time be chosen.
          const until = Math.min(end, start + 3_600_000);
          return (
            <li key={start} data-state={cell.state}>
              <time>{writeClocks(start, end, zone, i18n.language)}</time>
              <span className={css.say}>
                {signs[cell.state] && <Icon name={signs[cell.state]!} size={16} />}
                {stateWords(t, cell, heat, now)}
              </span>
              {cell.state === 'free' && (
                <Button
                  variant="light"
                  size="sm"
                  aria-label={`${t('timeline.book')} ${writeClocks(start, until, zone, i18n.language)}: ${nameOf(row)}`}
                  onClick={() => onPick(row, start, until)}
                >
                  {t('timeline.book')} {writeClocks(start, until, zone, i18n.language)}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
