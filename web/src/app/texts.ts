// Where the texts of a language come from: each feature's own file, all of one language fetched together.
// A name at the top of a file belongs to that file alone.
import { alsoSpeak, type Language, type Texts } from '../lib/i18n';

const files = {
  en: () => import('./texts/en'),
  de: () => import('./texts/de'),
  ar: () => import('./texts/ar'),
} satisfies Record<Language, () => Promise<{ default: Texts }>>;

/** The console's are many, and few open it: they come with it. */
const ofConsole = {
  en: () => import('../features/admin/texts.en.json'),
  de: () => import('../features/admin/texts.de.json'),
  ar: () => import('../features/admin/texts.ar.json'),
} satisfies Record<Language, () => Promise<{ default: Texts }>>;

export async function loadConsoleTexts(language: Language): Promise<Texts> {
  return (await ofConsole[language]()).default;
}

/** A part of the console, when its texts are there too. */
export async function withConsoleTexts<Part>(part: Promise<Part>): Promise<Part> {
  const [read] = await Promise.all([part, alsoSpeak(loadConsoleTexts)]);
  return read;
}

export async function loadTexts(language: Language): Promise<Texts> {
  return (await files[language]()).default;
}
