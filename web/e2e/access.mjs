// What every screen must be: without an axe violation, without sideways scrolling, with targets big enough for fingers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const everything = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export async function assertAccessible(page, where, rules = everything) {
  // What lies half under the head that sticks is no smaller for it.
  await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }));
  // Evaluated from outside, so that the page's own policy against foreign scripts stays in force.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ['violations'] }), rules);
  const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(found, [], where);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${where}: scrolls sideways by ${wide} px`);
}

/** The same in both themes. It is one document in other colours: in the second theme what depends on colours is looked at again. */
export async function assertAccessibleInBothThemes(page, where) {
  for (const [colorScheme, rules] of [['light', everything], ['dark', ['color-contrast', 'link-in-text-block']]]) {
    await page.emulateMedia({ colorScheme });
    await page.waitForFunction((wanted) => document.documentElement.dataset.mantineColorScheme === wanted, colorScheme);
    // A colour that is on its way to another is neither.
    await page.waitForFunction(() => !document.getAnimations().some((one) => one.playState === 'running' && one.effect?.getComputedTiming().iterations !== Infinity));
    await assertAccessible(page, `${where}, ${colorScheme}`, rules);
  }
}

/** The head sticks to the top: a second row of it would cost a phone what it has least of. */
export async function assertOneRow(page, where) {
  const { head, tallest } = await page.evaluate(() => {
    const bar = document.querySelector('header');
    return { head: bar.offsetHeight, tallest: Math.max(...[...bar.querySelectorAll('button, a')].map((one) => one.offsetHeight)) };
  });
  assert.ok(head < 2 * tallest, `${where}: the head is ${head} px high`);
}

export async function assertFingerSized(page, where) {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button, a[href], input, select, textarea')]
      .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest('.skip') && one.type !== 'checkbox')
      .map((one) => ({ name: one.getAttribute('aria-label') ?? one.textContent ?? one.id, height: one.getBoundingClientRect().height }))
      .filter((one) => one.height > 1 && one.height < 43.5)
      .map((one) => `${one.name.trim()} (${one.height})`),
  );
  assert.deepEqual(small, [], where);
}
