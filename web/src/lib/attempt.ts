// Carries one attempt from "sent" to a known end. An answer that never came is looked up by its key, never sent again
// behind the person's back: an unknown outcome is not a failure.
import type { Accepted, AttemptRecord, ProblemBody } from '../api/types';
import { LostAnswer, Problem } from './http';

export type Progress = 'sending' | 'slow' | 'checking';

export type Settled =
  | { end: 'accepted'; answer: Accepted }
  /** The server decided against it. A new try is a new wish with a new key. */
  | { end: 'refused'; problem: ProblemBody }
  /** Proven to have changed nothing; the same key may be sent again. */
  | { end: 'failed'; problem: ProblemBody }
  /** The server has never heard of it; the same key may be sent again. */
  | { end: 'never_arrived' }
  /** Still not known after many looks; only looking again is offered. */
  | { end: 'unknown' };

export interface AttemptIo {
  send: () => Promise<Accepted>;
  lookUp: () => Promise<AttemptRecord>;
  wait: (ms: number) => Promise<void>;
  tell: (progress: Progress) => void;
}

const slow_after_ms = 1_000;
const doubt_after_ms = 10_000;
const look_every_ms = 1_000;
const looks_max = 60;
const absent_looks_max = 3;

type Unclear = { end: 'unclear' };

export async function settleAttempt(io: AttemptIo): Promise<Settled> {
  let waiting = true;
  io.tell('sending');
  const sent = io.send().then(accepted, judge);
  void io.wait(slow_after_ms).then(() => (waiting ? io.tell('slow') : undefined));
  const first = await Promise.race([sent, io.wait(doubt_after_ms).then(unclear)]);
  waiting = false;
  if (first.end !== 'unclear') return first;
  io.tell('checking');
  return lookUpUntilKnown(io, sent);
}

/** Asks for an attempt that was sent earlier, without sending it. */
export async function lookUpUntilKnown(io: AttemptIo, sent: Promise<Settled | Unclear> = Promise.resolve(unclear())): Promise<Settled> {
  let late: Settled | Unclear | null = null;
  void sent.then((end) => {
    late = end;
  });
  let absent = 0;
  for (let look = 0; look < looks_max; look += 1) {
    const found = await io.lookUp().then(readRecord, readLookUpTrouble);
    // The request itself may answer while we look; its word counts as much.
    const answered = late as Settled | Unclear | null;
    if (answered !== null && answered.end !== 'unclear') return answered;
    if (found.end === 'never_arrived') {
      // While our request may still be under way, its absence proves nothing.
      absent = answered === null ? 0 : absent + 1;
      if (absent >= absent_looks_max) return found;
    } else if (found.end !== 'unclear') {
      return found;
    }
    await io.wait(look_every_ms);
  }
  return { end: 'unknown' };
}

function accepted(answer: Accepted): Settled {
  return { end: 'accepted', answer };
}

function unclear(): Unclear {
  return { end: 'unclear' };
}

/** Sorts what went wrong with the request itself. */
export function judge(cause: unknown): Settled | Unclear {
  if (cause instanceof LostAnswer) return unclear();
  if (!(cause instanceof Problem)) throw cause;
  const { body } = cause;
  if (body.outcome === 'REJECTED') return { end: 'refused', problem: body };
  if (body.outcome === 'FAILED') return { end: 'failed', problem: body };
  if (body.code === 'in_progress' || body.status >= 500) return unclear();
  if (body.status === 429) return { end: 'failed', problem: body };
  // Malformed, not signed in: it never became an execution.
  return { end: 'refused', problem: body };
}

function readRecord(record: AttemptRecord): Settled | Unclear {
  if (record.state === 'recorded' && record.answer) {
    if (record.outcome === 'REJECTED') return { end: 'refused', problem: record.answer as ProblemBody };
    return accepted(record.answer as Accepted);
  }
  if (record.state === 'in_progress') return unclear();
  if (record.last_failure) {
    const { code } = record.last_failure;
    return { end: 'failed', problem: { title: code, status: 409, outcome: 'FAILED', code, retryable: true } };
  }
  return { end: 'never_arrived' };
}

function readLookUpTrouble(cause: unknown): Settled | Unclear {
  if (cause instanceof Problem && cause.status === 404) {
    return readRecord({ state: 'unknown', attempt: '', ...(cause.body as object) } as AttemptRecord);
  }
  return unclear();
}
