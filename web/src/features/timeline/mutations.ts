// Puts a booking where it was dropped: one wish, one key, and an end that is known.
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Booking, MoveRequest } from '../../api/types';
import { ask } from '../../lib/http';
import { refusalSentence } from '../../lib/refusals';
import { uuidv7 } from '../../lib/uuidv7';
import { sendAttempt } from '../claim/book';

export function useCarry(onDone: () => void) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const wish = useRef({ key: uuidv7(), body: '' });
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);

  async function move(booking: string, resource: string, from: number, to: number): Promise<boolean> {
    if (busy) return false;
    setBusy(true);
    setTrouble(null);
    try {
      const was = await ask<Booking>(`/api/bookings/${booking}`);
      const [start, end] = [from, to].map((at) => new Date(at).toISOString());
      // What has several lines keeps the others where they are.
      const lines = was.lines.map(({ resource: old, start: began, end: ended, units }, at) =>
        at === 0 ? { resource, start: start!, end: end!, units } : { resource: old, start: began, end: ended, units },
      );
      const body: MoveRequest = { lines };
      const asked = JSON.stringify([booking, body]);
      // Another place is another wish; the same one keeps its key, since it may have arrived.
      if (wish.current.body !== asked) wish.current = { key: uuidv7(), body: asked };
      const end_of_it = await sendAttempt(`/api/bookings/${booking}/move`, wish.current.key, body, () => {});
      if (end_of_it.end === 'accepted') {
        void queries.invalidateQueries({ queryKey: ['bookings'] });
        onDone();
        return true;
      }
      if (end_of_it.end === 'refused') wish.current = { key: uuidv7(), body: '' };
      setTrouble('problem' in end_of_it ? refusalSentence(t, end_of_it.problem) : t('common.noAnswer'));
      return false;
    } catch {
      setTrouble(t('common.noAnswer'));
      return false;
    } finally {
      setBusy(false);
    }
  }

  return { move, busy, trouble };
}
