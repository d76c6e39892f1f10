// The notices themselves, the newest first. Says nothing of what was read; closing it does.
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Notice } from '../../../api/types';
import { Sheet } from '../../../components/Sheet';
import { writeInstant, writeInterval } from '../../../lib/times';
import type { useNotices } from '../queries';
import css from './Bell.module.css';

export default function Notices({ notices, onClose }: { notices: ReturnType<typeof useNotices>; onClose: () => void }) {
  const { t } = useTranslation();
  const items = notices.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Sheet title={t('notices.title')} onClose={onClose} testId="notices">
      {notices.isError && <p role="alert">{t('notices.failed')}</p>}
      {notices.isSuccess && items.length === 0 && <p className={css.soft}>{t('notices.none')}</p>}
      <ul className={css.list}>
        {items.map((notice) => (
          <Row key={notice.id} notice={notice} onFollow={onClose} />
        ))}
      </ul>
      {notices.hasNextPage && (
        <Button variant="subtle" fullWidth loading={notices.isFetchingNextPage} onClick={() => void notices.fetchNextPage()}>
          {t('notices.more')}
        </Button>
      )}
    </Sheet>
  );
}

/** The screen that shows what it is about, and where one answers; null where nothing of it is theirs any more. */
function screenOf({ news, booking, resource, start, end }: Notice): string | null {
  if (news === 'handed_over') return null;
  if (news === 'offered' || news === 'lapsed') return `/waitlist/${booking}`;
  if (news === 'free' || news === 'hold_ended' || news === 'hold_set') return start && end ? `/slots/${resource}?${new URLSearchParams({ start, end })}` : null;
  return `/bookings/${booking}`;
}

function Row({ notice, onFollow }: { notice: Notice; onFollow: () => void }) {
  const { t, i18n } = useTranslation();
  const zone = notice.zone ?? 'UTC';
  const words = t(`notices.${notice.news}`, { name: notice.resource_name ?? t('notices.aBooking') });
  const to = screenOf(notice);
  return (
    <li className={css.row} data-testid="notice" data-news={notice.news} data-read={notice.read}>
      <span className={css.what}>
        {to === null ? words : <Link to={to} className={css.way} onClick={onFollow}>{words}</Link>}
        {!notice.read && <span className={css.new}>{t('notices.new')}</span>}
      </span>
      {notice.title && <span>{notice.title}</span>}
      {notice.reason && <span className={css.soft} data-testid="notice-reason">{t('notices.why', { reason: notice.reason })}</span>}
      {notice.dates > 1 && <span>{t('notices.dates', { count: notice.dates })}</span>}
      {notice.start && notice.end && <span>{writeInterval(notice.start, notice.end, zone, i18n.language)}</span>}
      <span className={css.soft}>{writeInstant(notice.at, zone, i18n.language)}</span>
    </li>
  );
}
