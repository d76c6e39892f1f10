// The language of tests: English with accents, longer by a third and between brackets. A text without brackets is not
// translated, a bracket that is cut off has no room. It is never chosen by the page itself.
import type { PostProcessorModule } from 'i18next';

const plain = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const accented = 'åƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýžÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽ';

export function accent(text: string): string {
  const letters = Array.from(text, (letter) => accented[plain.indexOf(letter)] ?? letter).join('');
  return `⟦${letters}${'·'.repeat(Math.ceil(text.length / 3))}⟧`;
}

export const pseudo: PostProcessorModule = {
  type: 'postProcessor',
  name: 'pseudo',
  process: (value, _key, _options, translator: { language: string }) => (translator.language === 'en-XA' ? accent(value) : value),
};
