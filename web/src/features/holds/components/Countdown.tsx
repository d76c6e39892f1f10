// How long a hold still lasts, by the server's clock. The digits are a silent timer; a second, polite region says
// the few moments that matter, once each.
import { VisuallyHidden } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { serverNow } from '../../../lib/serverClock';
import css from './Countdown.module.css';

const tick_ms = 250;
/** Long enough to react, but not all of a short hold. */
const warn_at_least_s = 20;
const last_call_s = 8;
/** Of a hold of minutes: early enough to finish what one types, and a last time. */
const long_s = 240;
const long_calls_s = [120, 30] as const;

interface Props {
  granted_at: string;
  expires_at: string;
  onEnd?: () => void;
  /** What it is that ends. */
  of?: 'hold' | 'offer';
}

export function Countdown({ granted_at, expires_at, onEnd, of = 'hold' }: Props) {
  const { t } = useTranslation();
  const end = Date.parse(expires_at);
  const left = () => Math.max(0, Math.ceil((end - serverNow()) / 1000));
  const [seconds, setSeconds] = useState(left);
  const total = (end - Date.parse(granted_at)) / 1000;
  const [warnAt, callAt] = total >= long_s ? long_calls_s : [Math.min(Math.max(warn_at_least_s, total / 3), total * 0.7), last_call_s];
  const ended = useRef(onEnd);
  ended.current = onEnd;

  useEffect(() => {
    const timer = setInterval(() => {
      const now = left();
      setSeconds(now);
      if (now > 0) return;
      clearInterval(timer);
      ended.current?.();
    }, tick_ms);
    return () => clearInterval(timer);
    // oxlint-disable-next-line react/exhaustive-deps -- left() depends on nothing but the end
  }, [end]);

  function said(): string {
    if (stage > 0) return t(of === 'hold' ? 'claim.holdWarning' : 'waitlist.offerWarning', { count: stage });
    return of === 'hold' ? t('claim.holdStarted', { count: Math.round(total) }) : '';
  }

  const stage = seconds <= callAt ? callAt : seconds <= warnAt ? Math.floor(warnAt) : 0;
  return (
    <>
      <span role="timer" className={css.timer} data-soon={seconds <= warnAt}>
        {clockOf(seconds)}
      </span>
      <VisuallyHidden role="status">
        {said()}
      </VisuallyHidden>
    </>
  );
}

const two = (value: number) => String(value).padStart(2, '0');

/** 1:05, or 1:00:05 where hours are left. */
function clockOf(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
