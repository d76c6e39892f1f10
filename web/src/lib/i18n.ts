// The texts and the language they are shown in. Follows the browser, remembers a choice, and fetches one language at a time.
// Knows no text itself: whoever starts it says where they come from.
import { createInstance } from 'i18next';
import ICU from 'i18next-icu';
import { initReactI18next } from 'react-i18next';
import { pseudo } from './pseudo';

export const languages = ['en', 'de', 'ar'] as const;
export type Language = (typeof languages)[number];
export type Texts = Record<string, unknown>;

/** English in other letters and longer, to find what is not translated and what has no room. Chosen by hand only. */
export const pseudoLanguage = 'en-XA';

const stored_name = 'slotwise-language';

export const i18n = createInstance();

type Loader = (language: Language) => Promise<Texts>;

let load: Loader;
/** Texts of parts that have been opened, in whatever language is spoken next. */
const more = new Set<Loader>();

/** Fetches the texts of a part that is being opened. */
export async function alsoSpeak(loader: Loader): Promise<void> {
  if (more.has(loader)) return;
  const { language } = i18n;
  i18n.addResourceBundle(language, 'translation', await loader(spoken(language as Language)), true);
  more.add(loader);
}

/** Fetches the first language and draws nothing before. */
export async function startI18n(loader: Loader): Promise<void> {
  load = loader;
  const lng = firstLanguage();
  // Digits are Latin everywhere, as in the fields that the browser draws.
  i18n.use(new ICU({ parseLngForICU: (language: string) => `${language}-u-nu-latn` }));
  i18n.use(pseudo).use(initReactI18next);
  await i18n.init({
    lng,
    fallbackLng: false,
    resources: { [lng]: { translation: await load(spoken(lng)) } },
    postProcess: pseudo.name,
    // React escapes what it draws.
    interpolation: { escapeValue: false },
    showSupportNotice: false,
  } as Parameters<typeof i18n.init>[0]);
  applyLanguage();
}

export const isLanguage = (code: string | null): code is Language => languages.includes(code as Language);

export async function chooseLanguage(language: Language): Promise<void> {
  for (const texts of await Promise.all([load, ...more].map((loader) => loader(language)))) i18n.addResourceBundle(language, 'translation', texts, true);
  await i18n.changeLanguage(language);
  applyLanguage();
  try {
    localStorage.setItem(stored_name, language);
  } catch {
    // It lasts until the page is left.
  }
}

function applyLanguage(): void {
  document.documentElement.lang = i18n.language;
  document.documentElement.dir = i18n.dir(i18n.language);
}

function firstLanguage(): Language | typeof pseudoLanguage {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(stored_name);
  } catch {
    // Without storage the browser's language is as good.
  }
  if (stored === pseudoLanguage) return pseudoLanguage;
  const wishes = [stored, ...(navigator.languages ?? [])].map((tag) => tag?.split('-')[0]);
  return (wishes.find((tag) => languages.includes(tag as Language)) as Language | undefined) ?? 'en';
}

function spoken(language: Language | typeof pseudoLanguage): Language {
  return language === pseudoLanguage ? 'en' : language;
}
