// What somebody has in hand on the timeline: a time they mean to book, or a booking of theirs that they carry elsewhere.
import type { TimelineItem } from '../../api/types';

export interface Choice {
  row: number;
  /** The first and the last column. */
  from: number;
  to: number;
  /** Of a time to book: where it began. */
  anchor?: number;
  /** The booking that is carried; null for a time to book. */
  item: TimelineItem | null;
  /** Where the booking was taken hold of, in columns from its beginning. */
  grip?: number;
  /** The row it comes from. */
  source?: number;
}
