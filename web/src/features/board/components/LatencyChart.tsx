// How long attempts of the last minute took, from the request in the engine to its outcome: half of them, 95 and 99 of 100.
import { useTranslation } from 'react-i18next';
import { roundUp, shown_s, type Column } from '../board';
import { ChartFrame } from './ChartFrame';
import css from './Charts.module.css';

const width = 600;
const height = 160;
const lines = ['p50', 'p95', 'p99'] as const;
type Name = (typeof lines)[number];

export function LatencyChart({ all }: { all: Column[] }) {
  const { t } = useTranslation();
  const worst = Math.max(0, ...all.map((column) => value(column, 'p99') ?? 0));
  const most = roundUp(worst);
  const last = all.findLast((column) => value(column, 'p99') !== null)?.second?.latency;
  const classes = ['accepted', 'rejected', 'failed'] as const;
  return (
    <ChartFrame
      title={t('board.latency')}
      says={worst > 0 ? t('board.latencySay', { worst: worst.toFixed(1) }) : t('board.quiet')}
      top={t('board.ms', { value: most })}
      legend={lines.map((name) => (
        <li key={name}>
          <svg width="26" height="16" aria-hidden="true" focusable="false">
            <path d="M1 8H25" className={`${css.line} ${css[name]}`} />
          </svg>
          {t(`board.${name}`)}
        </li>
      ))}
      empty={worst === 0 ? t('board.quiet') : null}
      table={
        <table className={css.table}>
          <caption>{t('board.latencyCaption')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('board.outcome')}</th>
              {lines.map((name) => <th key={name} scope="col">{t(`board.${name}`)}</th>)}
            </tr>
          </thead>
          <tbody>
            {classes.map((one) => (
              <tr key={one}>
                <th scope="row">{t(`board.${one}`)}</th>
                {lines.map((name) => (
                  <td key={name}>{last?.[one].count ? t('board.ms', { value: last[one][`${name}_ms`].toFixed(1) }) : '–'}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      }
    >
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" className={css.plot} aria-hidden="true" focusable="false">
        {[0.25, 0.5, 0.75].map((part) => <path key={part} d={`M0 ${height * part}H${width}`} className={css.grid} />)}
        {lines.map((name) => <path key={name} d={steps(all, name, most)} className={`${css.line} ${css[name]}`} />)}
      </svg>
    </ChartFrame>
  );
}

function value(column: Column, name: Name): number | null {
  const all = column.second?.latency.all;
  return all && all.count > 0 ? all[`${name}_ms`] : null;
}

/** A step for each second; where nothing was measured there is no line. */
function steps(all: Column[], name: Name, most: number): string {
  const step = width / shown_s;
  let path = '';
  let before: number | null = null;
  all.forEach((column, n) => {
    const took = value(column, name);
    if (took !== null) {
      const y = (height - (took / most) * (height - 4) - 2).toFixed(1);
      path += `${before === null ? 'M' : 'L'}${(n * step).toFixed(1)} ${y}H${((n + 1) * step).toFixed(1)}`;
    }
    before = took;
  });
  return path;
}
