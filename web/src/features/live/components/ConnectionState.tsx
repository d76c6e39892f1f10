// Says whether what is on screen is live, and from when it is if it is not.
import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { viewerZone, writeClock } from '../../../lib/times';
import { useLiveClient } from '../LiveProvider';
import css from './ConnectionState.module.css';

export function ConnectionState() {
  const { t, i18n } = useTranslation();
  const client = useLiveClient();
  const connection = useSyncExternalStore(client.watchConnection, client.getConnection);
  return (
    <span className={css.state} data-state={connection.state} data-testid="connection-state" role="status">
      <span className={css.dot} aria-hidden="true" />
      <span className={css.words}>
      {connection.state === 'reconnecting'
        ? t('live.reconnecting', { time: writeClock(connection.heard, viewerZone, i18n.language, true) })
        : t(`live.${connection.state}`)}
      </span>
    </span>
  );
}
