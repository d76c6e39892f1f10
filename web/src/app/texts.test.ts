import { parse, TYPE, type MessageFormatElement } from '@formatjs/icu-messageformat-parser';
import { describe, expect, it } from 'vitest';
import { i18n, languages, startI18n } from '../lib/i18n';
import { accent } from '../lib/pseudo';
import { loadConsoleTexts, loadTexts } from './texts';

const files = import.meta.glob<Record<string, unknown>>(['../{app,lib,components}/texts.*.json', '../features/*/texts.*.json'], { eager: true, import: 'default' });

function flat(texts: object, prefix = ''): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === 'string' ? [[`${prefix}${key}`, value] as [string, string]] : flat(value as object, `${prefix}${key}.`),
  );
}

/** The names that a message wants filled, and the plural forms that it has for each count. */
function read(elements: MessageFormatElement[], found = { gaps: new Set<string>(), plurals: [] as string[][] }) {
  for (const element of elements) {
    if (element.type === TYPE.plural || element.type === TYPE.select) {
      found.gaps.add(element.value);
      if (element.type === TYPE.plural) found.plurals.push(Object.keys(element.options));
      for (const option of Object.values(element.options)) read(option.value, found);
    } else if (element.type !== TYPE.literal && element.type !== TYPE.pound && element.type !== TYPE.tag) {
      found.gaps.add(element.value);
    }
  }
  return found;
}

const texts = Object.fromEntries(await Promise.all(languages.map(async (language) => [language, Object.fromEntries(flat({ ...(await loadTexts(language)), ...(await loadConsoleTexts(language)) }))]))) as Record<string, Record<string, string>>;

describe('the languages', () => {
  it.each(languages)('%s says the same things', (language) => {
    expect(Object.keys(texts[language]!).toSorted()).toEqual(Object.keys(texts.en!).toSorted());
  });

  it.each(languages)('%s has the same gaps to fill, and every plural form it needs', (language) => {
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted();
    for (const [key, message] of Object.entries(texts[language]!)) {
      const { gaps, plurals } = read(parse(message));
      const english = read(parse(texts.en![key] ?? '')).gaps;
      // A form for exactly one may say it in words: the count itself is not owed to every form.
      expect([key, [...gaps].toSorted()]).toEqual([key, [...english].toSorted()]);
      for (const forms of plurals) expect([key, forms.filter((form) => !form.startsWith('=')).toSorted()]).toEqual([key, needed]);
    }
  });

  it('no name at the top is used by two files', () => {
    for (const language of languages) {
      const names = Object.entries(files).filter(([path]) => path.endsWith(`.${language}.json`)).flatMap(([, file]) => Object.keys(file));
      expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
    }
  });

  it('count as their grammar wants', async () => {
    await startI18n(loadTexts);
    expect([1, 2].map((count) => i18n.t('live.changes', { count }))).toEqual(['1 change – refresh', '2 changes – refresh']);
    expect(accent('Find {x}')).toMatch(/^⟦Ƒîñð \{ẋ\}·+⟧$/);
  });
});
