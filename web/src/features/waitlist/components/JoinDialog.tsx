// Before somebody waits: which place they would have, how places are given, until when, and what it costs. Then one button.
import { Button, Radio } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { JoinRequest } from '../../../api/types';
import { Deadline } from '../../../components/Deadline';
import { Notice } from '../../../components/Notice';
import { Sheet } from '../../../components/Sheet';
import { TimeAndZone } from '../../../components/TimeAndZone';
import { writeLength } from '../../../lib/times';
import { Trouble } from '../../bookings/components/Trouble';
import { useAttempt } from '../../claim/useAttempt';
import { useResource } from '../../holds/queries';
import { cutoffBefore } from '../cutoff';
import { isOpen, useMyEntries } from '../queries';
import css from './Waitlist.module.css';

export interface Wish {
  resource: string;
  start: string;
  end: string;
  /** A room is waited for at a time of one's own; a class or section has its own. */
  timed: boolean;
  /** Booked already, and given up when this is had. */
  gives_up?: string;
}

export default function JoinDialog({ wish, onClose }: { wish: Wish; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const resource = useResource(wish.resource, true).data;
  const entries = useMyEntries().data?.items ?? [];
  const { send, progress, trouble } = useAttempt();
  const rule = resource?.policy.waitlist ?? null;
  const [chosen, setWants] = useState<'units' | 'word' | null>(null);
  const wants = rule === null ? 'word' : (chosen ?? 'units');
  const overlapping = entries.filter((one) => isOpen(one) && one.wants === 'units' && one.resource !== wish.resource && one.start < wish.end && one.end > wish.start);

  async function join() {
    const { resource: id, start, end, gives_up } = wish;
    const body: JoinRequest = { resource: id, wants, ...(wish.timed ? { start, end } : {}), ...(gives_up && wants === 'units' ? { gives_up } : {}) };
    const answer = await send('/api/waitlist', body);
    if (!answer) return;
    notifications.show({
      message: wants === 'word' ? t('waitlist.watchingDone', { name: resource?.name }) : t('waitlist.joined', { name: resource?.name }),
      color: 'teal',
      closeButtonProps: { 'aria-label': t('common.dismiss') },
    });
    onClose();
  }

  return (
    <Sheet title={rule ? t('waitlist.joinTitle') : t('waitlist.watchTitle')} onClose={onClose} testId="join-dialog">
      {!resource && <p role="status">{t('common.loading')}</p>}
      {resource && (
        <>
          <p className={css.name}>{resource.name}</p>
          <TimeAndZone start={wish.start} end={wish.end} zone={resource.zone} />
          {rule && (
            <Radio.Group className={css.ways} label={t('waitlist.wants')} value={wants} onChange={(value) => setWants(value as 'units' | 'word')}>
              <Radio value="units" label={t('waitlist.wantsUnits')} />
              <Radio value="word" label={t('waitlist.wantsWord')} />
            </Radio.Group>
          )}
          <dl className={css.facts} data-testid="join-facts">
            {rule && wants === 'units' && (
              <>
                <dt>{t('waitlist.place')}</dt>
                <dd data-testid="join-place">{t('waitlist.placeWouldBe', { place: resource.waiting + 1, total: resource.waiting + 1 })}</dd>
              </>
            )}
            <dt>{t('waitlist.next')}</dt>
            <dd>
              {wants === 'word' || !rule
                ? t('waitlist.ruleWord')
                : rule.mode === 'book'
                  ? t('waitlist.ruleBook')
                  : t('waitlist.ruleOffer', { length: writeLength((rule.offer_ttl_s ?? 3_600) * 1000, i18n.language) })}
            </dd>
            <dt>{t('waitlist.until')}</dt>
            <dd>{untilWords()}</dd>
            <dt>{t('waitlist.cost')}</dt>
            <dd>{resource.policy.quota ? t('waitlist.costQuota', { most: resource.policy.quota.most }) : t('waitlist.costNone')}</dd>
          </dl>
          {wish.gives_up && wants === 'units' && <Notice tone="few">{t('waitlist.givesUp')}</Notice>}
          {overlapping.length > 0 && wants === 'units' && <Notice tone="few">{t('waitlist.overlapping', { count: overlapping.length })}</Notice>}
          {trouble && <Trouble title={t('waitlist.notJoined')} trouble={trouble} />}
          <div className={css.foot}>
            <Button variant="default" size="md" onClick={onClose}>{t('common.cancel')}</Button>
            <Button size="md" aria-disabled={progress !== null} data-testid="join-confirm" onClick={() => void join()}>
              {progress === 'checking' ? t('claim.checking') : wants === 'word' ? t('waitlist.watch') : t('waitlist.join')}
            </Button>
          </div>
        </>
      )}
    </Sheet>
  );

  function untilWords() {
    const at = cutoffBefore(resource!.policy.book_by, wish.start);
    if (at) return <Deadline at={at} zone={resource!.zone} says="waitlist.untilTime" />;
    const civil = resource!.policy.book_by as { days_before: number; at: string };
    return t('waitlist.untilCivil', { count: civil.days_before, at: civil.at });
  }
}
