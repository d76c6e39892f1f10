// Where most was decided in the last minute. A bar for each: the plain part was accepted, the hatched part refused.
import { useTranslation } from 'react-i18next';
import type { HotResource } from '../../../api/types';
import css from './Hottest.module.css';

export function Hottest({ hottest }: { hottest: HotResource[] }) {
  const { t } = useTranslation();
  const most = Math.max(1, ...hottest.map((one) => one.attempts));
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="hottest">
      <h2 className={css.title} id="hottest">{t('board.hottest')}</h2>
      {hottest.length === 0 && <p className={css.empty}>{t('board.quiet')}</p>}
      <ol className={css.list}>
        {hottest.map(({ resource, name, attempts, accepted, refused }) => (
          <li key={resource}>
            <span className={css.name}>{name}</span>
            <span className={css.says}>{t('board.hotSays', { attempts, accepted, refused })}</span>
            <span className={css.bar} aria-hidden="true">
              <span className={css.accepted} style={{ width: `${(accepted / most) * 100}%` }} />
              <span className={css.refused} style={{ width: `${(refused / most) * 100}%` }} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
