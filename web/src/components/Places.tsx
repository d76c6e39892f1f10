// How many places there are, in words: what is left, what is kept for those who wait (never counted as left), who waits.
import { useTranslation } from 'react-i18next';
import type { Badge } from '../api/types';
import css from './Places.module.css';
import { StateBadge, type Tone } from './StateBadge';

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

interface Props {
  badge: Badge | null;
  capacity: number | null;
  left: number | null;
  owed: number;
  waiting: number;
}

export function Places({ badge, capacity, left, owed, waiting }: Props) {
  const { t } = useTranslation();
  const words = [
    capacity === null || left === null ? t('places.unlimited') : t('places.left', { count: left, capacity }),
    owed > 0 ? t('places.owed', { count: owed }) : null,
    waiting > 0 ? t('places.waiting', { count: waiting }) : null,
  ];
  return (
    <span className={css.places} data-testid="places" data-left={left ?? ''} data-owed={owed} data-waiting={waiting}>
      {badge && <StateBadge tone={tones[badge]}>{t(`places.badge.${badge}`)}</StateBadge>}
      <span className={css.words}>{words.filter(Boolean).join(' · ')}</span>
    </span>
  );
}
