// Light or dark, and the language: small, always at hand.
import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { chooseLanguage, languages, type Language } from '../lib/i18n';
import { Icon } from './icons';
import css from './Switches.module.css';

export function ColourSwitch() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={40}
      aria-label={dark ? t('common.toLight') : t('common.toDark')}
      onClick={() => setColorScheme(dark ? 'light' : 'dark')}
    >
      <Icon name={dark ? 'sun' : 'moon'} />
    </ActionIcon>
  );
}

/** The code of the language, and over it the browser's own list: small, and made for fingers and keyboards alike. */
export function LanguageSwitch({ onChoose = chooseLanguage }: { onChoose?: (language: Language) => unknown }) {
  const { t, i18n } = useTranslation();
  return (
    <span className={css.language}>
      <span aria-hidden="true">{i18n.language.slice(0, 2).toUpperCase()}</span>
      <select
        aria-label={t('common.language')}
        value={i18n.language}
        onChange={(event) => void onChoose(event.currentTarget.value as Language)}
      >
        {languages.map((language) => (
          <option key={language} value={language} lang={language}>
            {new Intl.DisplayNames([language], { type: 'language' }).of(language)}
          </option>
        ))}
      </select>
    </span>
  );
}
