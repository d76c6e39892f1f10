// What happened, in order, as keys and gaps of texts: what the screen showed, what came between, what was decided.
import type { Explanation } from '../../api/types';

export interface Step {
  at: string;
  key: string;
  gaps: Record<string, string | number>;
  decisive: boolean;
}

/** What a step is called; what is not known here is told as a change. */
const known = new Set(['booked', 'requested', 'approved', 'cancelled', 'moved', 'held', 'renewed', 'hold_ended', 'changed', 'blocked', 'unblocked']);

export function stepsOf(told: Explanation): Step[] {
  const steps = told.resources.flatMap((resource): Step[] => {
    const { screen, name } = resource;
    const shown = screen
      ? [{ at: screen.as_of, key: screenKey(screen.free), gaps: { name }, decisive: false }]
      : [];
    const between = resource.steps
      .filter((step) => !step.this_attempt)
      .map((step) => ({
        at: step.decided_at,
        key: `explain.${known.has(step.what) ? step.what : 'changed'}.${whose(step.who)}`,
        gaps: { name, who: step.who ?? '' },
        decisive: step.decisive,
      }));
    const others = resource.unrelated > 0 ? [{ at: told.decided_at ?? '', key: 'explain.unrelated', gaps: { name, count: resource.unrelated }, decisive: false }] : [];
    return [...shown, ...between, ...others];
  });
  const order = (step: Step) => new Date(step.at).getTime();
  const sorted = steps.toSorted((one, other) => order(one) - order(other));
  return told.decided_at ? [...sorted, { at: told.decided_at, key: told.outcome === 'REJECTED' ? 'explain.refused' : 'explain.accepted', gaps: {}, decisive: false }] : sorted;
}

function screenKey(free: boolean | null): string {
  if (free === null) return 'explain.screenShown';
  return free ? 'explain.screenFree' : 'explain.screenTaken';
}

function whose(who: string | null): 'you' | 'somebody' | 'named' {
  if (who === null) return 'somebody';
  return who === 'you' ? 'you' : 'named';
}
