import { describe, expect, it } from 'vitest';
import type { Accepted, AttemptRecord, ProblemBody } from '../api/types';
import { settleAttempt, type AttemptIo, type Progress } from './attempt';
import { LostAnswer, Problem } from './http';

const booked: Accepted = { outcome: 'BOOKED', attempt: 'k', decided_at: '2026-11-23T18:00:00Z', versions: [] };
const full: ProblemBody = { title: 'Full', status: 409, outcome: 'REJECTED', code: 'full' };
const never = <T>() => new Promise<T>(() => {});
const recorded = (outcome: 'BOOKED' | 'REJECTED', answer: Accepted | ProblemBody): AttemptRecord => ({
  attempt: 'k',
  state: 'recorded',
  outcome,
  answer,
});
const unheardOf = () => Promise.reject(new Problem({ title: 'Not found', status: 404, state: 'unknown' } as ProblemBody));

/** Runs an attempt on a clock that jumps from wait to wait. */
async function run(io: Partial<AttemptIo>) {
  const told: Progress[] = [];
  let sends = 0;
  let looks = 0;
  let now = 0;
  const waiting: { at: number; go: () => void }[] = [];
  const wait = (ms: number) => new Promise<void>((go) => void waiting.push({ at: now + ms, go }));
  let done = false;
  const end = settleAttempt({
    send: () => {
      sends += 1;
      return (io.send ?? never<Accepted>)();
    },
    lookUp: () => {
      looks += 1;
      return (io.lookUp ?? unheardOf)();
    },
    wait,
    tell: (progress) => void told.push(progress),
  }).finally(() => {
    done = true;
  });
  for (let turn = 0; turn < 500 && !done; turn += 1) {
    for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
    waiting.sort((a, b) => a.at - b.at);
    const next = done ? undefined : waiting.shift();
    if (next) {
      now = next.at;
      next.go();
    }
  }
  return { end: await end, told, sends, looks, now };
}

describe('an attempt', () => {
  it('that is answered at once is told at once', async () => {
    const { end, told, looks } = await run({ send: () => Promise.resolve(booked) });
    expect(end).toEqual({ end: 'accepted', answer: booked });
    expect(told).toEqual(['sending']);
    expect(looks).toBe(0);
  });

  it('that is refused stays refused', async () => {
    const { end } = await run({ send: () => Promise.reject(new Problem(full)) });
    expect(end).toEqual({ end: 'refused', problem: full });
  });

  it('whose answer is lost is resolved by its key and never sent again', async () => {
    const { end, told, sends } = await run({
      send: () => Promise.reject(new LostAnswer()),
      lookUp: () => Promise.resolve(recorded('BOOKED', booked)),
    });
    expect(end).toEqual({ end: 'accepted', answer: booked });
    expect(told).toEqual(['sending', 'checking']);
    expect(sends).toBe(1);
  });

  it('with outcome null is looked up until it is recorded', async () => {
    let look = 0;
    const { end, looks, sends } = await run({
      send: () => Promise.reject(new Problem({ title: 'Unknown', status: 503, outcome: null })),
      lookUp: () => {
        look += 1;
        if (look === 1) return Promise.reject(new LostAnswer());
        return Promise.resolve(look < 4 ? { attempt: 'k', state: 'in_progress' } : recorded('REJECTED', full));
      },
    });
    expect(end).toEqual({ end: 'refused', problem: full });
    expect(looks).toBe(4);
    expect(sends).toBe(1);
  });

  it('without an answer is slow after 1 s and doubtful after 10 s', async () => {
    const { end, told, now } = await run({ lookUp: () => Promise.resolve(recorded('BOOKED', booked)) });
    expect(told).toEqual(['sending', 'slow', 'checking']);
    expect(now).toBe(10_000);
    expect(end.end).toBe('accepted');
  });

  it('is not called absent while its request is still under way', async () => {
    const { end } = await run({});
    expect(end).toEqual({ end: 'unknown' });
  });

  it('that the server has never heard of may be sent again', async () => {
    const { end, looks } = await run({ send: () => Promise.reject(new LostAnswer()) });
    expect(end).toEqual({ end: 'never_arrived' });
    expect(looks).toBe(3);
  });

  it('that failed says so', async () => {
    const failed: ProblemBody = { title: 'Busy', status: 503, outcome: 'FAILED', code: 'busy', retryable: true };
    expect((await run({ send: () => Promise.reject(new Problem(failed)) })).end).toEqual({ end: 'failed', problem: failed });
  });
});
