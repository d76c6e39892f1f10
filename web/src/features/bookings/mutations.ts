// Changes one booking: one wish, one key, and an end that is known.
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { Booking } from '../../api/types';
import type { Progress, Settled } from '../../lib/attempt';
import { uuidv7 } from '../../lib/uuidv7';
import { sendAttempt } from '../claim/book';

export function useChange(booking: Booking, verb: 'cancel' | 'move') {
  const queries = useQueryClient();
  const wish = useRef({ key: uuidv7(), body: '' });
  const busy = useRef(false);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [trouble, setTrouble] = useState<Exclude<Settled, { end: 'accepted' }> | null>(null);

  async function send(body: object): Promise<boolean> {
    if (busy.current) return false;
    busy.current = true;
    setTrouble(null);
    // Another wish is another attempt; the same one keeps its key, since it may have arrived.
    const asked = JSON.stringify(body);
    if (wish.current.body !== asked) wish.current = { key: uuidv7(), body: asked };
    const end = await sendAttempt(`/api/bookings/${booking.id}/${verb}`, wish.current.key, body, setProgress);
    busy.current = false;
    setProgress(null);
    if (end.end === 'accepted') {
      void queries.invalidateQueries({ queryKey: ['bookings'] });
      return true;
    }
    // A refusal is final for its key; what failed or never arrived may be sent again under the same.
    if (end.end === 'refused') wish.current = { key: uuidv7(), body: asked };
    setTrouble(end);
    return false;
  }

  return { send, progress, trouble };
}
