// The life of the claim dialog: taking a hold when the policy wants one at claim, confirming, and what came of it.
// One wish at a time; a second click while one is under way does nothing.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Accepted, Hold, ProblemBody } from '../../api/types';
import type { Progress, Settled } from '../../lib/attempt';
import { useLatest } from '../../lib/useLatest';
import { useStaleness } from '../live/LiveProvider';
import { announceConflict } from '../live/announceConflict';
import { useReleaseHold, useRenewHold } from '../holds/mutations';
import { useMyHolds } from '../holds/queries';
import { book, takeHold } from './book';
import { newIntention, type Details, type Intention, type Target } from './intention';

export type ClaimState =
  | { is: 'ready' }
  | { is: 'holding' }
  | { is: 'working'; progress: Progress }
  | { is: 'refused'; problem: ProblemBody; at: number }
  /** Nothing has changed; the same wish may be sent again. */
  | { is: 'failed'; problem: ProblemBody | null }
  | { is: 'unknown' }
  /** Not sent: what is on screen is too old to rest on. */
  | { is: 'stale'; age_ms: number };

interface Outcome {
  onBooked: (answer: Accepted) => void;
  onRefused: (target: Target, problem: ProblemBody) => void;
}

export function useClaim(target: Target, outcome: Outcome) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { mutateAsync: renewHold, isPending: renewing } = useRenewHold();
  const { mutate: releaseHold } = useReleaseHold();
  // Read when an answer comes, so that a new language or a redrawn page does not start the claim over.
  const latest = useLatest({ t, ...outcome });
  const [state, setState] = useState<ClaimState>({ is: 'ready' });
  const [hold, setHold] = useState<Hold | null>(null);
  const intention = useRef<Intention>(newIntention());
  const busy = useRef(false);
  const staleness = useStaleness();
  // Whoever manages the room may have said how long it is held.
  const known = useMyHolds().data?.items.find((one) => one.id === hold?.id);
  if (hold && known && known.expires_at !== hold.expires_at && known.renewals_left <= hold.renewals_left) {
    setHold(known);
  }
  /** The dialog may be closed, or about another room, by the time an answer comes. */
  const alive = useRef(true);

  const settle = useCallback(
    (end: Settled): Accepted | null => {
      switch (end.end) {
        case 'accepted':
          return end.answer;
        case 'refused':
          intention.current = newIntention();
          announceConflict(latest.current.t, end.problem);
          // The session has ended: the entrance finds out and asks who this is.
          if (end.problem.code === 'unauthenticated') void queries.invalidateQueries({ queryKey: ['me'] });
          latest.current.onRefused(target, end.problem);
          if (alive.current) {
            setHold(null);
            setState({ is: 'refused', problem: end.problem, at: performance.now() });
          }
          return null;
        case 'failed':
          if (alive.current) setState({ is: 'failed', problem: end.problem });
          return null;
        case 'never_arrived':
          if (alive.current) setState({ is: 'failed', problem: null });
          return null;
        case 'unknown':
          if (alive.current) setState({ is: 'unknown' });
          return null;
      }
    },
    [latest, queries, target],
  );

  const tell = useCallback((progress: Progress) => {
    if (alive.current) setState({ is: 'working', progress });
  }, []);

  const takeIt = useCallback(async () => {
    if (busy.current) return;
    busy.current = true;
    setState({ is: 'holding' });
    const end = await takeHold(target, intention.current, () => {});
    busy.current = false;
    const answer = settle(end);
    if (!answer?.hold) return;
    if (!alive.current) {
      releaseHold(answer.hold);
      return;
    }
    intention.current.hold = answer.hold;
    setHold(answer.hold);
    setState({ is: 'ready' });
  }, [releaseHold, settle, target]);

  const confirm = useCallback(
    async (details: Details) => {
      if (busy.current) return;
      const age_ms = staleness();
      if (age_ms !== null) {
        setState({ is: 'stale', age_ms });
        void queries.invalidateQueries();
        return;
      }
      busy.current = true;
      const end = await book(target, details, intention.current, tell);
      busy.current = false;
      const answer = settle(end);
      if (!answer) return;
      intention.current = newIntention();
      void queries.invalidateQueries({ queryKey: ['bookings'] });
      latest.current.onBooked(answer);
    },
    [latest, queries, settle, staleness, target, tell],
  );

  const keepLonger = useCallback(async () => {
    const held = intention.current.hold;
    if (!held) return;
    try {
      const answer = await renewHold(held);
      if (answer.hold && alive.current) {
        intention.current.hold = answer.hold;
        setHold(answer.hold);
      }
    } catch {
      // The countdown goes on; at its end the person is told what to do.
    }
  }, [renewHold]);

  /** The hold ran out while the form was filled: what was typed stays, the hold is asked for anew. */
  const expired = useCallback(() => {
    if (busy.current) return;
    intention.current = newIntention();
    setHold(null);
    const problem: ProblemBody = { title: 'hold expired', status: 409, outcome: 'REJECTED', code: 'hold_expired' };
    setState({ is: 'refused', problem, at: performance.now() });
  }, []);

  useEffect(() => {
    alive.current = true;
    intention.current = newIntention();
    if (target.item.hold_at === 'claim') void takeIt();
    return () => {
      alive.current = false;
      // A hold that nobody will confirm is given back at once rather than at its expiry.
      const held = intention.current.hold;
      if (held && !busy.current) releaseHold(held);
    };
  }, [releaseHold, takeIt, target]);

  return { state, hold, confirm, keepLonger, holdAgain: takeIt, expired, renewing };
}
