// A state as sign, word and colour together; never as colour alone.
import { Icon, type IconName } from './icons';
import css from './StateBadge.module.css';

export type Tone = 'free' | 'few' | 'taken' | 'held' | 'off' | 'yours';

const signs: Record<Tone, IconName> = { free: 'check', few: 'info', taken: 'cross', held: 'lock', off: 'ban', yours: 'star' };

export function StateBadge({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={css.badge} data-tone={tone}>
      <Icon name={signs[tone]} size={14} />
      {children}
    </span>
  );
}
