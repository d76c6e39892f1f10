// The texts and the language they are shown in. Follows the browser, and remembers a choice.
import { createInstance } from 'i18next';
import { initReactI18next } from 'react-i18next';
import de from '../locales/de.json';
import en from '../locales/en.json';

export const languages = ['en', 'de'] as const;
export type Language = (typeof languages)[number];

const stored_name = 'slotwise-language';

function firstLanguage(): Language {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(stored_name);
  } catch {
    // Without storage the browser's language is as good.
  }
  const wishes = [stored, ...(navigator.languages ?? [])].map((tag) => tag?.split('-')[0]);
  return (wishes.find((tag) => languages.includes(tag as Language)) as Language | undefined) ?? 'en';
}

export const i18n = createInstance();

void i18n.use(initReactI18next).init({
  lng: firstLanguage(),
  fallbackLng: 'en',
  resources: { en: { translation: en }, de: { translation: de } },
  // React escapes what it draws.
  interpolation: { escapeValue: false },
  showSupportNotice: false,
} as Parameters<typeof i18n.init>[0]);

document.documentElement.lang = i18n.language;

export function chooseLanguage(language: Language): void {
  void i18n.changeLanguage(language);
  document.documentElement.lang = language;
  try {
    localStorage.setItem(stored_name, language);
  } catch {
    // It lasts until the page is left.
  }
}
