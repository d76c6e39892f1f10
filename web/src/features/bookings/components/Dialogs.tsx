// The dialogs of a booking, each fetched when it is asked for.
import { lazy, Suspense } from 'react';
import type { Booking } from '../../../api/types';
import type { Ask } from './BookingRow';

const dialogs = {
  cancel: lazy(() => import('./CancelDialog')),
  move: lazy(() => import('./MoveDialog')),
  edit: lazy(() => import('./EditDialog')),
  swap: lazy(() => import('./SwapDialog')),
};

export interface Asked {
  what: Ask;
  booking: Booking;
}

export function Dialogs({ asked, onClose }: { asked: Asked | null; onClose: () => void }) {
  if (!asked) return null;
  const Dialog = dialogs[asked.what];
  return (
    <Suspense fallback={null}>
      <Dialog booking={asked.booking} onClose={onClose} />
    </Suspense>
  );
}
