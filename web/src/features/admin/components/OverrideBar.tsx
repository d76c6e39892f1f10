// Across every page while override mode is on: that it is on, how long still, and the way out of it.
import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Icon } from '../../../components/icons';
import { endOverride, overrideLeft, useOverrideUntil } from '../override';
import css from './Admin.module.css';

export function OverrideBar() {
  const { t } = useTranslation();
  const until = useOverrideUntil();
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const tick = () => {
      const now = overrideLeft();
      setLeft(now);
      if (now === 0 && until > 0) endOverride();
    };
    tick();
    if (until === 0) return;
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [until]);
  if (until === 0 || left === 0) return null;
  const seconds = Math.ceil(left / 1000);
  return (
    <div className={css.override} role="region" aria-label={t('admin.override.mode')} data-testid="override-bar">
      <Icon name="warning" size={22} />
      <p>{t('admin.override.on')}</p>
      <span role="timer" className={css.timer}>{Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, '0')}</span>
      <Button size="sm" variant="default" onClick={endOverride}>{t('admin.override.end')}</Button>
    </div>
  );
}
