// A short message inside the page: sign, words and colour together, readable in both themes.
import type { ReactNode } from 'react';
import { Icon, type IconName } from './icons';
import css from './Notice.module.css';

interface Props {
  tone: 'few' | 'taken';
  icon?: IconName;
  title?: ReactNode;
  /** Said at once by screen readers. */
  urgent?: boolean;
  children?: ReactNode;
}

export function Notice({ tone, icon = 'info', title, urgent = false, children }: Props) {
  return (
    <div className={css.notice} data-tone={tone} role={urgent ? 'alert' : undefined}>
      <Icon name={icon} size={20} />
      <div className={css.words}>
        {title && <p className={css.title}>{title}</p>}
        {children}
      </div>
    </div>
  );
}
