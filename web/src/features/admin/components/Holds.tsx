// Who keeps units of a resource just now, and until when. Holds end by themselves; a block over them ends them at once.
import { useTranslation } from 'react-i18next';
import type { Resource } from '../../../api/types';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { writeInstant } from '../../../lib/times';
import { useHoldsOn } from '../queries';
import css from './Admin.module.css';
import { Unread } from './Trouble';

export function Holds({ resource }: { resource: Resource }) {
  const { t, i18n } = useTranslation();
  const holds = useHoldsOn(resource.id);
  const items = holds.data?.items ?? [];
  return (
    <section className={`panel ${css.card}`} aria-labelledby="holds-title">
      <h2 id="holds-title">{t('admin.holds.title')}</h2>
      <Unread error={holds.error} />
      {holds.isSuccess && items.length === 0 && <p className={css.hint}>{t('admin.holds.none')}</p>}
      <ul className={css.list}>
        {items.map((hold) => (
          <li key={`${hold.id ?? hold.start} ${hold.expires_at}`} className={css.item}>
            <div className={css.main}>
              <h3>{hold.owner?.name ?? t('admin.somebody')}</h3>
              <TimeAndZone start={hold.start} end={hold.end} zone={resource.zone} />
            </div>
            <span className={css.time}>{t('admin.holds.until', { at: writeInstant(hold.expires_at, resource.zone, i18n.language) })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
