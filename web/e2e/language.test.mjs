// Other languages: nothing is left untranslated, nothing is cut off, and right to left is right to left.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { base, byApi, cards, dayIn, launch, live, makeClass, makeCourse, openAs, shoot, stands } from './people.mjs';

let browser;
let routes;
before(async () => {
  browser = await launch();
  const admin = await byApi(browser, 'Alex Rivera');
  const [yoga, course] = [await makeClass(admin, { capacity: 2, day: dayIn(2) }), await makeCourse(admin, [[3, ['mo'], '07']])];
  routes = ['/', '/?all=1&people=2000', '/bookings', '/bookings?show=waiting', '/bookings?show=past', yoga.address, course.address, `${course.address}&show=plan`, '/board', '/no/such/page'];
});
after(() => browser?.close());

/** What is cut off: text that needs more room than its box shows. */
function clipped(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((one) => one.childNodes.length > 0 && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
      .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && getComputedStyle(one).clipPath === 'none' && !one.closest('option, select, [style*="clip"]'))
      .filter((one) => {
        const hidden = ['hidden', 'clip'].includes(getComputedStyle(one).overflowX);
        return hidden && one.getBoundingClientRect().width > 2 && one.scrollWidth > one.clientWidth + 1;
      })
      .map((one) => one.textContent.trim().slice(0, 60)),
  );
}

async function openIn(language, width) {
  const page = await openAs(browser, 'Teacher A', { viewport: { width, height: 800 }, reducedMotion: 'reduce' });
  await page.evaluate((chosen) => localStorage.setItem('slotwise-language', chosen), language);
  await page.reload();
  await live(page);
  return page;
}

async function visit(page, route) {
  await page.goto(base + route);
  await page.locator('main#content').first().waitFor();
  await stands(page);
}

for (const width of [320, 1280]) {
  test(`ux 30: the pseudo-locale at ${width} px shows no untranslated and no clipped text`, async () => {
    const page = await openIn('en-XA', width);
    const told = new Set();
    page.on('response', async (answer) => {
      if (answer.url().includes('/api/')) for (const word of (await answer.text().catch(() => '')).split(/[^\p{L}]+/u)) told.add(word.toLowerCase());
    });
    for (const route of routes) {
      await visit(page, route);
      assert.deepEqual(await clipped(page), [], `${route} at ${width}: clipped`);
      // Whatever is not between brackets must come from the server, or be a date, a time or a name of a zone.
      const texts = await page.evaluate(() => {
        const found = [];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
          const { textContent: text, parentElement: parent } = walk.currentNode;
          if (text.trim() && parent.checkVisibility() && !parent.closest('time, option, [lang], script, style')) found.push(text.trim());
        }
        return found;
      });
      const foreign = texts
        .filter((text) => !text.includes('⟦') && !text.includes('⟧'))
        .flatMap((text) => text.split(/[^\p{L}]+/u))
        .filter((word) => word.length > 3 && /^[a-z]+$/i.test(word) && !told.has(word.toLowerCase()))
        .filter((word) => !/^(slotwise|los|angeles|berlin|mon|tue|wed|thu|fri|sat|sun|nov|dec|jan|feb|mar)$/i.test(word));
      assert.deepEqual(foreign, [], `${route}: not translated`);
    }
    await page.context().close();
  });

  test(`ux 30: Arabic at ${width} px runs from right to left, without clipped text or sideways scrolling`, async () => {
    const page = await openIn('ar', width);
    assert.deepEqual(await page.evaluate(() => [document.documentElement.dir, document.documentElement.lang]), ['rtl', 'ar']);
    for (const route of routes) {
      await visit(page, route);
      assert.deepEqual(await clipped(page), [], `${route} at ${width}: clipped`);
      await assertAccessible(page, `${route} in Arabic at ${width}`);
    }
    await visit(page, '/');
    await cards(page).first().waitFor();
    // The logo, first in the head, is at the right.
    const [logo, bell] = await Promise.all([page.locator('header svg').first().boundingBox(), page.getByTestId('bell').boundingBox()]);
    assert.ok(logo.x > bell.x);
    await shoot(page, `arabic-${width}`);
    await page.context().close();
  });
}

test('the language is chosen in the head, at once and for good', async () => {
  const page = await openAs(browser, 'Teacher A');
  await page.getByRole('combobox', { name: 'Language' }).selectOption('ar');
  await page.waitForFunction(() => document.documentElement.dir === 'rtl');
  await page.getByRole('link', { name: 'حجوزاتي' }).click();
  await page.getByRole('heading', { name: 'حجوزاتي', level: 1 }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'حجوزاتي', level: 1 }).waitFor();
  await page.getByRole('combobox').first().selectOption('de');
  await page.getByRole('link', { name: 'Kurse' }).waitFor();
  await page.context().close();
});
