// A hold of mine that no open dialog shows: it survives a reload, and can be given back.
import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Hold } from '../../../api/types';
import { viewerZone } from '../../../lib/times';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { useReleaseHold } from '../mutations';
import { useResource } from '../queries';
import { Countdown } from './Countdown';
import css from './HoldRow.module.css';

export function HoldRow({ hold }: { hold: Hold }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const release = useReleaseHold();
  const resource = useResource(hold.resource).data;
  const words = resource?.name ?? t('bookings.unknownRoom');
  return (
    <li className={css.row} data-testid="hold-row">
      <span>
        <span className={css.name}>{words}</span>{' '}
        <Countdown
          granted_at={hold.granted_at}
          expires_at={hold.expires_at}
          onEnd={() => void queries.invalidateQueries({ queryKey: ['holds'] })}
        />
        <TimeAndZone start={hold.start} end={hold.end} zone={resource?.zone ?? viewerZone} />
      </span>
      <Button
        variant="default"
        size="compact-md"
        loading={release.isPending}
        aria-label={t('bookings.releaseNamed', { name: words })}
        onClick={() => release.mutate(hold)}
      >
        {t('bookings.release')}
      </Button>
    </li>
  );
}
