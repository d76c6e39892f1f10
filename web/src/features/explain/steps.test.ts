import { describe, expect, it } from 'vitest';
import type { Explanation } from '../../api/types';
import en from './texts.en.json';
import { stepsOf } from './steps';

const step = { epoch: 1, version: 2, start: null, end: null, this_attempt: false, decisive: false, after_screen: true, attempt: null, text: '' };
const told = {
  outcome: 'REJECTED',
  decided_at: '2026-01-05T08:00:03Z',
  resources: [
    {
      name: 'Room 101',
      screen: { epoch: 1, version: 1, as_of: '2026-01-05T08:00:00Z', free: true, age_ms: 3000 },
      steps: [
        { ...step, what: 'booked', who: 'Ann', decided_at: '2026-01-05T08:00:02Z', decisive: true },
        { ...step, what: 'held', who: null, decided_at: '2026-01-05T08:00:01Z' },
        { ...step, what: 'something new', who: 'you', decided_at: '2026-01-05T08:00:02.5Z' },
        { ...step, what: 'booked', who: 'you', decided_at: '2026-01-05T08:00:03Z', this_attempt: true },
      ],
      unrelated: 2,
    },
  ],
} as unknown as Explanation;

const text = (key: string) => key.split('.').reduce<unknown>((texts, part) => (texts as Record<string, unknown>)[part], en);

describe('what happened', () => {
  it('is told in the order of time, with the decision last', () => {
    expect(stepsOf(told).map(({ key }) => key)).toEqual([
      'explain.screenFree', 'explain.held.somebody', 'explain.booked.named', 'explain.changed.you', 'explain.unrelated', 'explain.refused',
    ]);
    expect(stepsOf(told).filter(({ decisive }) => decisive).map(({ gaps }) => gaps.who)).toEqual(['Ann']);
  });

  it('has a text for each step', () => {
    const plain = stepsOf(told).map(({ key }) => key).filter((key) => key !== 'explain.unrelated');
    for (const key of plain) expect(text(key), key).toBeTypeOf('string');
  });
});
