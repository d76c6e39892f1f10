// What a cell says: a sentence for who listens, a few words for who looks.
import type { TFunction } from 'i18next';
import type { IconName } from '../../components/icons';
import type { TimelineRow } from '../../api/types';
import type { Cell, CellState, Heat } from './timeline';

/** A sign for each state; the pattern, the words and the sign say the same. */
export const signs: Record<CellState, IconName | null> = {
  free: null,
  mine: 'star',
  holding: 'clock',
  held: 'lock',
  booked: 'people',
  pending: 'info',
  blocked: 'ban',
  closed: 'moon',
  past: 'check',
};

/** "booked by A. Berg", "18 of 24 taken" */
export function stateWords(t: TFunction, cell: Cell, heat: Heat | null, now: number): string {
  const said = cellWords(t, cell, now);
  if (!heat) return said;
  const used = heatSentence(t, heat);
  return cell.state === 'free' || cell.state === 'booked' ? used : `${said}, ${used}`;
}

function cellWords(t: TFunction, { state, item }: Cell, now: number): string {
  if (state === 'booked' && item?.owner) return t('timeline.bookedBy', { owner: item.owner });
  if (state === 'mine' && item?.title) return t('timeline.mineTitle', { title: item.title });
  if (state === 'blocked' && item?.title) return t('timeline.blockedFor', { reason: item.title });
  if (state === 'holding' && item?.expires_at) return t('timeline.heldUntil', { left: leftOf(item.expires_at, now) });
  return t(`timeline.states.${state}`);
}

/** What fits into a run of cells. */
export function shortWords(t: TFunction, { state, item }: Cell, heat: Heat | null, now: number): string {
  if (heat) return heatWords(t, heat);
  if (state === 'holding' && item?.expires_at) return leftOf(item.expires_at, now);
  if (state === 'free') return '';
  return item?.title ?? item?.owner ?? t(`timeline.states.${state}`);
}

export function heatWords(t: TFunction, { used, capacity, waiting, step }: Heat): string {
  if (step === 5) return t('timeline.full', { waiting });
  return capacity === null ? String(used) : t('timeline.usedShort', { used, capacity });
}

function heatSentence(t: TFunction, heat: Heat): string {
  const { used, capacity } = heat;
  const said = capacity === null ? t('timeline.usedAny', { used }) : t('timeline.used', { used, capacity });
  return heat.step === 5 ? `${heatWords(t, heat)}, ${said}` : said;
}

/** "4:07" */
export function leftOf(expires_at: string, now: number): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(expires_at) - now) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

export function nameOf({ resource }: TimelineRow): string {
  return resource.building ? `${resource.name}, ${resource.building}` : resource.name;
}
