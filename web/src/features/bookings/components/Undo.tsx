// For a few seconds after a cancel: the way back, while the place is still free.
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Booking } from '../../../api/types';
import { useNow } from '../../../lib/useNow';
import { useAttempt } from '../../claim/useAttempt';
import { sameAgain, undoLeft } from '../undo';
import { Trouble } from './Trouble';

export function Undo({ booking, name }: { booking: Booking; name: string }) {
  const { t } = useTranslation();
  const left = undoLeft(booking, useNow(500));
  const { send, progress, trouble } = useAttempt();
  if (trouble) return <Trouble title={t('bookings.notUndone')} trouble={trouble} />;
  if (left <= 0 && progress === null) return null;
  return (
    <Button
      size="compact-md"
      variant="light"
      data-testid="undo-button"
      aria-label={t('bookings.undoNamed', { name })}
      aria-disabled={progress !== null}
      onClick={() => void send('/api/bookings', sameAgain(booking))}
    >
      {t('bookings.undo')}
    </Button>
  );
}
