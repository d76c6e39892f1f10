// What others did to one's bookings: how much of it is unread, and all of it on asking. Closing it says that it was read.
import { ActionIcon, VisuallyHidden } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../../../components/icons';
import { useReadNotices } from '../mutations';
import { useNotices } from '../queries';
import css from './Bell.module.css';

// Read on a click only.
const Notices = lazy(() => import('./Notices'));

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
        <Suspense fallback={null}>
          <Notices notices={notices} onClose={close} />
        </Suspense>
      )}
    </>
  );
}
