// Cancels a booking: one wish, one key, and an end that is known.
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { Booking } from '../../api/types';
import type { Progress, Settled } from '../../lib/attempt';
import { uuidv7 } from '../../lib/uuidv7';
import { sendAttempt } from '../claim/book';

export function useCancel(booking: Booking) {
  const queries = useQueryClient();
  const key = useRef(uuidv7());
  const busy = useRef(false);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [trouble, setTrouble] = useState<Exclude<Settled, { end: 'accepted' }> | null>(null);

  async function cancel(): Promise<boolean> {
    if (busy.current) return false;
    busy.current = true;
    setTrouble(null);
    const end = await sendAttempt(`/api/bookings/${booking.id}/cancel`, key.current, {}, setProgress);
    busy.current = false;
    setProgress(null);
    if (end.end === 'accepted') {
      void queries.invalidateQueries({ queryKey: ['bookings'] });
      return true;
    }
    // A refusal is final for its key; what failed or never arrived may be sent again under the same.
    if (end.end === 'refused') key.current = uuidv7();
    setTrouble(end);
    return false;
  }

  return { cancel, progress, trouble };
}
