// An interval in the place's own time, always with its zone; in the viewer's as a second line where that differs.
import { useTranslation } from 'react-i18next';
import { differsForViewer, viewerZone, writeForViewer, writeInterval, writeZone } from '../lib/times';
import css from './TimeAndZone.module.css';

export function TimeAndZone({ start, end, zone }: { start: string | number; end: string | number; zone: string }) {
  const { t, i18n } = useTranslation();
  const own = writeInterval(start, end, zone, i18n.language);
  return (
    <p className={css.time}>
      <span className={css.line}>
        <time dateTime={new Date(start).toISOString()}>{own}</time> <span className={css.zone}>{writeZone(start, zone, i18n.language)}</span>
      </span>
      {differsForViewer(start, zone) && (
        <span className={css.viewer}>
          {t('common.yourTime', {
            time: writeForViewer(start, end, zone, i18n.language),
            zone: writeZone(start, viewerZone, i18n.language),
          })}
        </span>
      )}
    </p>
  );
}
