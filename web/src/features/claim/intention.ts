// What the person wants to book, and the keys of that one wish. A double click, a resend and a second look all use the
// same keys; only a new wish gets new ones.
import type { Hold, SearchItem } from '../../api/types';
import { uuidv7 } from '../../lib/uuidv7';

export interface Target {
  item: SearchItem;
  /** When the page was told that it is free. */
  as_of: string | null;
}

export interface Details {
  title: string;
  purpose: string;
  people: number | null;
}

export interface Intention {
  holdKey: string;
  bookKey: string;
  hold: Hold | null;
}

export function newIntention(hold: Hold | null = null): Intention {
  return { holdKey: uuidv7(), bookKey: uuidv7(), hold };
}
