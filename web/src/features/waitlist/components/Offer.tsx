// A place that is kept for me until an instant: how long that still is, and the two answers to it, one click each.
import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { writeInstant } from '../../../lib/times';
import { Trouble } from '../../bookings/components/Trouble';
import { useAttempt } from '../../claim/useAttempt';
import { Countdown } from '../../holds/components/Countdown';
import css from './Waitlist.module.css';

interface Props {
  entry: string;
  name: string;
  zone: string;
  /** Since when it is offered; about an hour is assumed where that is not told. */
  granted_at?: string;
  expires_at: string;
}

const usual_ms = 3_600_000;

export function Offer({ entry, name, zone, granted_at, expires_at }: Props) {
  const { t, i18n } = useTranslation();
  const queries = useQueryClient();
  const { send, progress, trouble } = useAttempt();
  const over = () => {
    for (const key of ['waitlist', 'classes', 'courses', 'holds']) void queries.invalidateQueries({ queryKey: [key] });
  };
  const answer = (verb: 'accept' | 'decline') => void send(`/api/waitlist/${entry}/${verb}`, {});
  return (
    <div className={css.offer} data-testid="offer" data-entry={entry}>
      <div className={css.offerHead}>
        <span>{t('waitlist.offered', { name })}</span>
        <Countdown
          key={expires_at}
          of="offer"
          granted_at={granted_at ?? new Date(Date.parse(expires_at) - usual_ms).toISOString()}
          expires_at={expires_at}
          onEnd={over}
        />
      </div>
      <p className={css.offerTime}>{t('waitlist.offeredUntil', { time: writeInstant(expires_at, zone, i18n.language) })}</p>
      {trouble && <Trouble title={t('waitlist.notAnswered')} trouble={trouble} />}
      <div className={css.actions}>
        <Button data-testid="accept-offer" aria-disabled={progress !== null} aria-label={t('waitlist.acceptNamed', { name })} onClick={() => answer('accept')}>
          {progress === 'checking' ? t('claim.checking') : t('waitlist.accept')}
        </Button>
        <Button variant="default" data-testid="decline-offer" aria-disabled={progress !== null} aria-label={t('waitlist.declineNamed', { name })} onClick={() => answer('decline')}>
          {t('waitlist.decline')}
        </Button>
      </div>
    </div>
  );
}
