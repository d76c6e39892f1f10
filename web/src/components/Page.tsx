// The frame of one screen: its title in the tab and at its head, and the place where the keyboard goes on after a link.
import { useEffect, type ReactNode } from 'react';
import css from './Page.module.css';

interface Props {
  title: string;
  /** Beside the title: what concerns all of the screen. */
  aside?: ReactNode;
  children: ReactNode;
}

export function Page({ title, aside, children }: Props) {
  useTitle(title);
  return (
    <main id="content" className={css.page} tabIndex={-1}>
      <div className={css.head}>
        <h1 className={css.title}>{title}</h1>
        {aside}
      </div>
      {children}
    </main>
  );
}

/** Names the tab after the screen. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – Slotwise`;
  }, [title]);
}
