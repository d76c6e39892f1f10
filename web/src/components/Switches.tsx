// Light or dark, and the language: small, always at hand.
import { ActionIcon, VisuallyHidden, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { chooseLanguage, languages } from '../lib/i18n';
import { Icon } from './icons';

export function ColourSwitch() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={40}
      aria-label={dark ? t('app.toLight') : t('app.toDark')}
      onClick={() => setColorScheme(dark ? 'light' : 'dark')}
    >
      <Icon name={dark ? 'sun' : 'moon'} />
    </ActionIcon>
  );
}

export function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  const next = languages[(languages.indexOf(i18n.language as 'en') + 1) % languages.length]!;
  const nextName = new Intl.DisplayNames([next], { type: 'language' }).of(next)!;
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={40}
      onClick={() => chooseLanguage(next)}
      fw={650}
      fz={13}
    >
      {next.toUpperCase()}
      <VisuallyHidden>
        , {t('app.language')}: <span lang={next}>{nextName}</span>
      </VisuallyHidden>
    </ActionIcon>
  );
}
