// One change that an admin asks for: one key for one wish, an end that is known, and lists that are read again.
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { Accepted, AttemptRecord, Block, Resource } from '../../api/types';
import { settleAttempt, type Settled } from '../../lib/attempt';
import { ask } from '../../lib/http';
import { uuidv7 } from '../../lib/uuidv7';

/** What an admin's change may be answered with besides what a booking is. */
export type Changed = Accepted & { resource?: Resource; block?: Block; policy_version?: number };

export interface Wish {
  path: string;
  body: unknown;
  method?: 'POST' | 'PATCH';
  ifMatch?: number;
}

const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

export function carryOut({ path, body, method = 'POST', ifMatch }: Wish, key: string): Promise<Settled> {
  return settleAttempt({
    send: () => ask<Accepted>(path, { method, key, body, ...(ifMatch === undefined ? {} : { ifMatch }) }),
    lookUp: () => ask<AttemptRecord>(`/api/attempts/${key}`),
    wait,
    tell: () => {},
  });
}

export type Trouble = Exclude<Settled, { end: 'accepted' }>;

export function useAct() {
  const queries = useQueryClient();
  const wish = useRef({ key: '', words: '' });
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);

  async function act(asked: Wish): Promise<Changed | null> {
    if (busy) return null;
    setBusy(true);
    setTrouble(null);
    const words = JSON.stringify(asked);
    // The same wish keeps its key, since it may have arrived; another is another attempt.
    if (wish.current.words !== words) wish.current = { key: uuidv7(), words };
    const end = await carryOut(asked, wish.current.key);
    setBusy(false);
    if (end.end === 'accepted') {
      wish.current = { key: '', words: '' };
      await queries.invalidateQueries({ queryKey: ['admin'] });
      void queries.invalidateQueries({ queryKey: ['timeline'] });
      return end.answer as Changed;
    }
    if (end.end === 'refused' || (end.end === 'failed' && end.problem.code === 'version_stale')) wish.current = { key: '', words: '' };
    setTrouble(end);
    return null;
  }

  return { act, busy, trouble, clear: () => setTrouble(null) };
}

/** An edit of what somebody else changed meanwhile. */
export function staleOf(trouble: Trouble | null): Record<string, unknown> | null {
  if (!trouble || !('problem' in trouble) || trouble.problem.code !== 'version_stale') return null;
  return (trouble.problem.theirs as Record<string, unknown> | undefined) ?? null;
}
