// Attempts of the last minute, a column for each second, stacked by how they ended. Pattern and place in the stack say it
// as well as the colour, and the table says it in numbers.
import { useTranslation } from 'react-i18next';
import { viewerZone, writeClock } from '../../../lib/times';
import { groups, roundUp, shown_s, sum, type Column, type Group } from '../board';
import { ChartFrame } from './ChartFrame';
import css from './Charts.module.css';

const width = 600;
const height = 160;
const rows_max = 15;

export function AttemptsChart({ all }: { all: Column[] }) {
  const { t, i18n } = useTranslation();
  const most = roundUp(Math.max(...all.map((column) => column.total)));
  const total = sum(all);
  const step = width / shown_s;
  const busy = all.filter((column) => column.total > 0);
  const shown: Group[] = total.other > 0 ? [...groups] : groups.filter((group) => group !== 'other');
  return (
    <ChartFrame
      title={t('board.attempts')}
      says={t('board.attemptsSay', { ...total, peak: Math.max(...all.map((column) => column.total)) })}
      top={`${most} / s`}
      legend={shown.map((group) => (
        <li key={group}>
          <svg width="22" height="16" aria-hidden="true" focusable="false">
            <rect x="1" y="1" width="20" height="14" rx="3" className={css[group]} />
            <rect x="1" y="1" width="20" height="14" rx="3" fill={`url(#fill-${group})`} />
          </svg>
          {t(`board.${group}`)}
        </li>
      ))}
      empty={busy.length === 0 ? t('board.quiet') : null}
      table={
        <table className={css.table}>
          <caption>{t('board.tableCaption', { count: rows_max })}</caption>
          <thead>
            <tr>
              <th scope="col">{t('board.second')}</th>
              {shown.map((group) => <th key={group} scope="col">{t(`board.${group}`)}</th>)}
              <th scope="col">{t('board.p99')}</th>
            </tr>
          </thead>
          <tbody>
            {busy.slice(-rows_max).toReversed().map(({ at, sums, second }) => (
              <tr key={at}>
                <th scope="row">{writeClock(at, viewerZone, i18n.language, true)}</th>
                {shown.map((group) => <td key={group}>{sums[group]}</td>)}
                <td>{t('board.ms', { value: second?.latency.all.p99_ms.toFixed(1) })}</td>
              </tr>
            ))}
          </tbody>
        </table>
      }
    >
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" className={css.plot} aria-hidden="true" focusable="false">
        <Patterns />
        {[0.25, 0.5, 0.75].map((part) => <path key={part} d={`M0 ${height * part}H${width}`} className={css.grid} />)}
        {all.map((column, n) => {
          let y = height;
          return groups.map((group) => {
            const size = (column.sums[group] / most) * height;
            // One of two thousand is what everybody looks for: it is never thinner than can be seen.
            const seen = column.sums[group] > 0 ? Math.max(size, 3) : 0;
            y -= seen;
            if (seen === 0) return null;
            const box = { x: n * step + 0.5, y, width: step - 1, height: seen };
            return (
              <g key={`${column.at}-${group}`}>
                <rect {...box} className={css[group]} />
                <rect {...box} fill={`url(#fill-${group})`} />
              </g>
            );
          });
        })}
      </svg>
    </ChartFrame>
  );
}

/** On top of the colour: plain, strokes, dots, crosses. */
function Patterns() {
  const box = { width: 6, height: 6, patternUnits: 'userSpaceOnUse' as const };
  return (
    <defs>
      <pattern id="fill-accepted" {...box} />
      <pattern id="fill-rejected" {...box}><path d="M-1 7L7 -1M-1 1L1 -1M5 7L7 5" className={css.mark} /></pattern>
      <pattern id="fill-failed" {...box}><circle cx="3" cy="3" r="1.4" className={css.dot} /></pattern>
      <pattern id="fill-other" {...box}><path d="M0 3H6M3 0V6" className={css.mark} /></pattern>
    </defs>
  );
}
