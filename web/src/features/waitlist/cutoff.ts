// When the waitlist of a resource ends for a time: booking is too late from then on, so nothing is given out any more.
// Reads what the policy says; decides nothing.
import type { Cutoff } from '../../api/types';

/** The instant where it can be told from the start alone; null where it is a civil time of another day. */
export function cutoffBefore(cutoff: Cutoff | null | undefined, start: string): string | null {
  if (!cutoff) return start;
  return 'elapsed_s' in cutoff ? new Date(Date.parse(start) - cutoff.elapsed_s * 1000).toISOString() : null;
}
