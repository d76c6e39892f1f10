// Where the texts of a language come from: each feature's own file, all of one language fetched together.
// A name at the top of a file belongs to that file alone.
import type { Language, Texts } from '../lib/i18n';

const files = {
  en: () => import('./texts/en'),
  de: () => import('./texts/de'),
  ar: () => import('./texts/ar'),
} satisfies Record<Language, () => Promise<{ default: Texts }>>;

export async function loadTexts(language: Language): Promise<Texts> {
  return (await files[language]()).default;
}
