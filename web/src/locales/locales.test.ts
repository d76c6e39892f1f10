import { describe, expect, it } from 'vitest';
import de from './de.json';
import en from './en.json';

function keys(texts: object, prefix = ''): string[] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${prefix}${key}`] : keys(value as object, `${prefix}${key}.`),
  );
}

/** The names in double braces, which must be the same in each language. */
function gaps(texts: object): string[] {
  return Object.values(texts).flatMap((value) =>
    typeof value === 'string' ? [[...value.matchAll(/\{\{(\w+)\}\}/g)].map((gap) => gap[1]).toSorted().join()] : gaps(value as object),
  );
}

describe('the languages', () => {
  it('say the same things', () => expect(keys(de)).toEqual(keys(en)));
  it('with the same gaps to fill', () => expect(gaps(de)).toEqual(gaps(en)));
});
