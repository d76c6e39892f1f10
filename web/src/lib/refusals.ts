// Says in words why something was refused, in the person's language where we know the code, in the server's otherwise.
import type { TFunction } from 'i18next';
import type { Witness } from '../api/types';
import { Problem } from './http';
import { i18n } from './i18n';

export interface Refusal {
  code?: string | undefined;
  witness?: Witness | null | undefined;
  detail?: string | undefined;
  title?: string | undefined;
}

export function refusalSentence(t: TFunction, { code = '', witness, detail, title }: Refusal): string {
  // The server says "you" where it would name the asker.
  if (code === 'full' && witness?.owner === 'you') return t('refusal.fullByYou');
  if (code === 'full' && witness?.kind === 'booking' && witness.owner) return t('refusal.fullBy', { owner: witness.owner });
  if (code === 'full') return t('refusal.full');
  if (code === 'held_by_other') return t('refusal.held_by_other');
  if (code === 'invalid' && witness?.rule === 'seats') return t('refusal.seats');
  // The server's sentence is English and knows more than a code does.
  if (i18n.language === 'en' && detail) return detail;
  return code && i18n.exists(`refusal.${code}`) ? t(`refusal.${code}`) : (detail ?? title ?? t('refusal.other'));
}

/** Refusals that mean "somebody else was there". */
export function isLostRace(code: string | undefined): boolean {
  return ['full', 'held_by_other', 'insufficient', 'conflict'].includes(code ?? '');
}

/** What the server says is wrong with one field of what was sent. */
export function wrongIn(t: TFunction, error: unknown, field: string): string | undefined {
  const wrong = error instanceof Problem ? error.body.errors?.find((one) => one.field === field) : undefined;
  if (!wrong) return undefined;
  if (i18n.language === 'en') return wrong.detail;
  return i18n.exists(`wrong.${wrong.code}`) ? t(`wrong.${wrong.code}`) : wrong.detail;
}
