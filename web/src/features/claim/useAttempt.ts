// One wish at a time from its button to a known end: one key per wish, kept as long as the wish is the same and may have arrived.
// Whoever uses it says what is read again afterwards.
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { Accepted } from '../../api/types';
import type { Progress, Settled } from '../../lib/attempt';
import type { Ask } from '../../lib/http';
import { useStaleness } from '../live/LiveProvider';
import { uuidv7 } from '../../lib/uuidv7';
import { sendAttempt } from './book';

export type Trouble = Exclude<Settled, { end: 'accepted' }> | { end: 'stale'; age_ms: number };

/** What a change of what is booked or waited for shows on. */
const touched = ['bookings', 'waitlist', 'holds', 'classes', 'courses', 'resource', 'series', 'plan-check'];

export function useAttempt() {
  const queries = useQueryClient();
  const wish = useRef({ key: uuidv7(), asked: '' });
  const busy = useRef(false);
  const staleness = useStaleness();
  const [progress, setProgress] = useState<Progress | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);

  /** null: it did not happen, or is under way already; `trouble` says why. */
  async function send(path: string, body: object, how: Pick<Ask, 'method' | 'ifMatch'> = {}): Promise<Accepted | null> {
    if (busy.current) return null;
    const age_ms = staleness();
    if (age_ms !== null) {
      // Not sent; what is on screen is read again, so that the next try has something to rest on.
      setTrouble({ end: 'stale', age_ms });
      void queries.invalidateQueries();
      return null;
    }
    busy.current = true;
    setTrouble(null);
    const asked = JSON.stringify([path, body, how]);
    if (wish.current.asked !== asked) wish.current = { key: uuidv7(), asked };
    const end = await sendAttempt(path, wish.current.key, body, setProgress, how);
    busy.current = false;
    setProgress(null);
    for (const key of touched) void queries.invalidateQueries({ queryKey: [key] });
    if (end.end === 'accepted') {
      // The same again is a new wish.
      wish.current = { key: uuidv7(), asked: '' };
      return end.answer;
    }
    // A refusal is final for its key; what failed or never arrived may be sent again under the same.
    if (end.end === 'refused') wish.current = { key: uuidv7(), asked };
    setTrouble(end);
    return null;
  }

  return { send, progress, trouble, forget: () => setTrouble(null) };
}
