// The name with its sign: three rows of time, one of them taken by you.
import css from './Logo.module.css';

export function Logo() {
  return (
    <span className={css.logo}>
      <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
        <rect width="32" height="32" rx="9" fill="#0b7285" />
        <path d="M8 10.5h16M8 16h7M8 21.5h16" stroke="#fff" strokeOpacity=".45" strokeWidth="3" strokeLinecap="round" />
        <path d="M19 16h5" stroke="#ffd43b" strokeWidth="3.4" strokeLinecap="round" />
      </svg>
      <span className={css.word}>Slotwise</span>
    </span>
  );
}
