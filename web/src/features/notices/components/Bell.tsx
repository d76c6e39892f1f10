// What others did to one's bookings: how much of it is unread, and all of it on asking. Closing it says that it was read.
import { ActionIcon, Button, VisuallyHidden } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Notice } from '../../../api/types';
import { Icon } from '../../../components/icons';
import { Sheet } from '../../../components/Sheet';
import { writeInstant, writeInterval } from '../../../lib/times';
import { useReadNotices } from '../mutations';
import { useNotices } from '../queries';
import css from './Bell.module.css';

/** The server counts no further. */
const unread_max = 100;

export function Bell() {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const notices = useNotices();
  const read = useReadNotices();
  const items = notices.data?.pages.flatMap((page) => page.items) ?? [];
  const unread = notices.data?.pages[0]?.unread ?? 0;
  const label = unread > 0 ? t('notices.unread', { count: unread }) : t('notices.title');

  function close() {
    setOpen(false);
    const newest = items[0];
    if (newest && !newest.read) read.mutate(newest.id);
  }

  return (
    <>
      <ActionIcon variant="default" size={40} className={css.bell} aria-label={label} title={label} data-testid="bell" onClick={() => setOpen(true)}>
        <Icon name="bell" />
        {unread > 0 && (
          <span className={css.count} aria-hidden="true" data-testid="unread">
            {unread < unread_max ? unread : `${unread_max - 1}+`}
          </span>
        )}
      </ActionIcon>
      <VisuallyHidden role="status">{unread > 0 ? t('notices.unread', { count: unread }) : ''}</VisuallyHidden>
      {open && (
        <Sheet title={t('notices.title')} onClose={close} testId="notices">
          {notices.isError && <p role="alert">{t('notices.failed')}</p>}
          {notices.isSuccess && items.length === 0 && <p className={css.soft}>{t('notices.none')}</p>}
          <ul className={css.list}>
            {items.map((notice) => (
              <Row key={notice.id} notice={notice} />
            ))}
          </ul>
          {notices.hasNextPage && (
            <Button variant="subtle" fullWidth loading={notices.isFetchingNextPage} onClick={() => void notices.fetchNextPage()}>
              {t('notices.more')}
            </Button>
          )}
        </Sheet>
      )}
    </>
  );
}

function Row({ notice }: { notice: Notice }) {
  const { t, i18n } = useTranslation();
  const zone = notice.zone ?? 'UTC';
  const name = notice.resource_name ?? t('notices.aBooking');
  return (
    <li className={css.row} data-testid="notice" data-news={notice.news} data-read={notice.read}>
      <span className={css.what}>
        {t(`notices.${notice.news}`, { name })}
        {!notice.read && <span className={css.new}>{t('notices.new')}</span>}
      </span>
      {notice.title && <span>{notice.title}</span>}
      {notice.dates > 1 && <span>{t('notices.dates', { count: notice.dates })}</span>}
      {notice.start && notice.end && <span>{writeInterval(notice.start, notice.end, zone, i18n.language)}</span>}
      <span className={css.soft}>{writeInstant(notice.at, zone, i18n.language)}</span>
    </li>
  );
}
