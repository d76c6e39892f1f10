// What stands around a chart: its name, what it says in words, a legend, the end of its scale, and the same as a table.
import { useId, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { shown_s } from '../board';
import css from './Charts.module.css';

interface Props {
  title: string;
  /** The chart in a sentence, for whoever does not see it. */
  says: string;
  /** The upper end of the scale. */
  top: string;
  legend: ReactNode;
  /** Shown in the place of columns and lines where there are none. */
  empty: string | null;
  table: ReactNode;
  children: ReactNode;
}

export function ChartFrame({ title, says, top, legend, empty, table, children }: Props) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <section className={`panel ${css.chart}`} aria-labelledby={id}>
      <h2 className={css.title} id={id}>{title}</h2>
      <ul className={css.legend} aria-hidden="true">{legend}</ul>
      <div className={css.area} role="img" aria-label={says}>
        <span className={css.top}>{top}</span>
        {children}
        {empty && <span className={css.empty}>{empty}</span>}
        <span className={css.axis}>
          <span>{t('board.ago', { count: shown_s })}</span>
          <span>{t('board.now')}</span>
        </span>
      </div>
      <details className={css.details}>
        <summary>{t('board.asTable')}</summary>
        {table}
      </details>
    </section>
  );
}
