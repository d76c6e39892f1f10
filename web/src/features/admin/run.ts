// Carries a long list of changes out, a few at a time, each with its own key and its own end. Stops when somebody says so.
import type { Accepted } from '../../api/types';
import type { Settled } from '../../lib/attempt';
import { uuidv7 } from '../../lib/uuidv7';
import { carryOut, type Changed, type Wish } from './act';

const at_once = 4;
const patience = 6;
const pause_max_ms = 10_000;

export interface Job {
  line: number;
  name: string;
  /** Made when its turn has come: what was made before may matter. Null if there is nothing to send any more. */
  wish: () => Wish | null | Promise<Wish | null>;
  told?: (answer: Changed | null) => void;
}

export type JobEnd = { job: Job; end: 'done'; answer: Changed | null } | { job: Job; end: 'refused' | 'unknown'; code: string; detail: string };

export interface Running {
  stop: () => void;
  ended: Promise<JobEnd[]>;
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** `first` is carried out one by one before the rest begins. */
export function run(first: Job[], rest: Job[], tell: (ends: JobEnd[]) => void): Running {
  let stopped = false;
  const ends: JobEnd[] = [];
  const note = (end: JobEnd) => {
    ends.push(end);
    tell([...ends]);
  };
  async function work(jobs: Job[]): Promise<void> {
    for (let job = jobs.shift(); job && !stopped; job = jobs.shift()) {
      const end = await one(job);
      if (end.end === 'done') job.told?.(end.answer);
      note(end);
    }
  }
  async function all(): Promise<JobEnd[]> {
    await work([...first]);
    const left = [...rest];
    await Promise.all(Array.from({ length: at_once }, () => work(left)));
    return ends;
  }
  return { stop: () => void (stopped = true), ended: all() };
}

async function one(job: Job): Promise<JobEnd> {
  const key = uuidv7();
  try {
    const wish = await job.wish();
    if (wish === null) return { job, end: 'done', answer: null };
    for (let look = 0; ; look += 1) {
      const settled = await carryOut(wish, key);
      if (settled.end === 'accepted') return { job, end: 'done', answer: settled.answer as Accepted as Changed };
      const again = secondsUntilAgain(settled);
      if (again === null || look >= patience) return refused(job, settled);
      // Nothing was decided: the same key goes again when there is room.
      await pause(Math.min(pause_max_ms, again * 1000));
    }
  } catch (cause) {
    return { job, end: 'unknown', code: 'no_answer', detail: cause instanceof Error ? cause.message : '' };
  }
}

function secondsUntilAgain(settled: Settled): number | null {
  if (settled.end !== 'failed') return null;
  const { code, retry_after } = settled.problem;
  return code === 'rate_limited' || code === 'busy' ? (retry_after ?? 1) : null;
}

function refused(job: Job, settled: Exclude<Settled, { end: 'accepted' }>): JobEnd {
  if (!('problem' in settled)) return { job, end: 'unknown', code: settled.end, detail: '' };
  const { code = '', detail, title, errors } = settled.problem;
  return { job, end: 'refused', code, detail: errors?.map((fault) => fault.detail).join(' ') || (detail ?? title) };
}
