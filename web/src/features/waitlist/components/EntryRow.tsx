// One place in line of mine: which, of how many, how places are given and until when; and the way out.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Entry } from '../../../api/types';
import { Deadline } from '../../../components/Deadline';
import { StateBadge } from '../../../components/StateBadge';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { viewerZone, writeLength } from '../../../lib/times';
import { Trouble } from '../../bookings/components/Trouble';
import { useAttempt } from '../../claim/useAttempt';
import { useResource } from '../../holds/queries';
import { cutoffBefore } from '../cutoff';
import { isOpen } from '../queries';
import css from './Waitlist.module.css';

export function EntryRow({ entry }: { entry: Entry }) {
  const { t, i18n } = useTranslation();
  const resource = useResource(entry.resource, true).data;
  const { send, progress, trouble } = useAttempt();
  const name = resource?.name ?? t('bookings.unknownRoom');
  const zone = resource?.zone ?? viewerZone;
  const open = isOpen(entry);
  const rule = resource?.policy.waitlist;
  const until = open && resource ? cutoffBefore(resource.policy.book_by, entry.start) : null;
  return (
    <li className={css.row} data-testid="entry-row" data-entry={entry.id} data-state={entry.state} data-place={entry.place ?? ''}>
      <div>
        <span className={css.name}>{name}</span>{' '}
        <StateBadge tone={open ? 'held' : entry.state === 'promoted' ? 'yours' : 'off'}>{t(`waitlist.state.${entry.wants === 'word' && open ? 'watching' : entry.state}`)}</StateBadge>
        <TimeAndZone start={entry.start} end={entry.end} zone={zone} />
        {open && (
          <p className={css.soft}>
            {[
              entry.place !== null && resource ? t('waitlist.placeOf', { place: entry.place, total: Math.max(resource.waiting, entry.place) }) : null,
              entry.wants === 'word'
                ? t('waitlist.ruleWord')
                : rule && (rule.mode === 'book' ? t('waitlist.ruleBook') : t('waitlist.ruleOffer', { length: writeLength((rule.offer_ttl_s ?? 3_600) * 1000, i18n.language) })),
            ].filter(Boolean).join(' · ')}
          </p>
        )}
        {until && <p className={css.soft}><Deadline at={until} zone={zone} says="waitlist.untilTime" /></p>}
        {trouble && <Trouble title={t('waitlist.notLeft')} trouble={trouble} />}
      </div>
      {open && (
        <Button
          variant="default"
          size="compact-md"
          data-testid="leave-button"
          aria-disabled={progress !== null}
          aria-label={t('waitlist.leaveNamed', { name })}
          onClick={() => void send(`/api/waitlist/${entry.id}/leave`, {})}
        >
          {entry.wants === 'word' ? t('waitlist.unwatch') : t('waitlist.leave')}
        </Button>
      )}
    </li>
  );
}
