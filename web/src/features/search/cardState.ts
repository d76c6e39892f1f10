// What a card says: the search answer, overlaid with what was heard since.
import type { TFunction } from 'i18next';
import type { Badge, Reason, SearchItem } from '../../api/types';
import type { Tone } from '../../components/StateBadge';
import { refusalSentence } from '../../lib/refusals';
import { writeClock } from '../../lib/times';
import type { Marked } from '../live/marks';

export interface CardState {
  tone: Tone;
  label: string;
  claimable: boolean;
  /** Why it cannot be claimed, or what has just changed. */
  words: string | null;
}

const tones: Record<Badge, Tone> = {
  open: 'free',
  few_left: 'few',
  full: 'taken',
  waitlist: 'taken',
  held: 'held',
  closed: 'off',
  past_cutoff: 'off',
  overbooked: 'taken',
};

export function cardState(t: TFunction, item: SearchItem, marked: Marked | undefined, language: string): CardState {
  const mark = marked?.mark;
  switch (mark?.is) {
    case 'yours':
      return { tone: 'yours', label: t('card.yours'), claimable: false, words: t('card.yoursNow') };
    case 'taken':
      return {
        tone: 'taken',
        label: t('card.full'),
        claimable: false,
        words: mark.owner ? t('card.takenNow', { owner: mark.owner }) : t('card.takenNowNameless'),
      };
    case 'held':
      return { tone: 'held', label: t('card.held'), claimable: false, words: t('card.heldNow') };
    case 'blocked':
      return { tone: 'off', label: t('card.blocked'), claimable: false, words: t('card.blockedNow', { reason: mark.reason }) };
    case 'freed':
      return { tone: 'free', label: t('card.freed'), claimable: true, words: null };
    default:
      return asAnswered(t, item, language);
  }
}

function asAnswered(t: TFunction, { free, badge, reason, resource }: SearchItem, language: string): CardState {
  if (free) return { tone: tones[badge], label: t(`card.${badge}`), claimable: true, words: null };
  const words = reason && whyNot(t, reason, resource.zone, language);
  if (reason?.witness?.owner === 'you') return { tone: 'yours', label: t('card.yours'), claimable: false, words };
  // Too small or the like: the room itself may well be open.
  if (badge === 'open' || badge === 'few_left') return { tone: 'off', label: t('card.unfit'), claimable: false, words };
  return { tone: tones[badge], label: t(`card.${badge}`), claimable: false, words };
}

function whyNot(t: TFunction, reason: Reason, zone: string, language: string): string {
  const { witness } = reason;
  if (reason.code === 'held_by_other') return t('card.heldNow');
  if (reason.code !== 'full' || !witness?.end) return refusalSentence(t, reason);
  if (witness.owner === 'you') return t('card.yoursNow');
  const time = writeClock(witness.end, zone, language);
  return witness.owner ? t('card.takenUntil', { owner: witness.owner, time }) : t('card.takenUntilNameless', { time });
}
