// Every screen in both themes, wide and narrow: no axe violation, no sideways scrolling, targets big enough for fingers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, assertFingerSized, assertOneRow } from './access.mjs';
import { base, bookings, byApi, cards, claim, confirm, dialog, launch, makeClass, makeCourse, openAs, quietHour, shoot, toast } from './people.mjs';

let browser;
let routes;
before(async () => {
  browser = await launch();
  const admin = await byApi(browser, 'Alex Rivera');
  const [yoga, course] = [await makeClass(admin, { capacity: 2 }), await makeCourse(admin, [[3, ['mo'], '07'], [1, ['tu'], '07']])];
  const teacher = await byApi(browser, 'Teacher A');
  await teacher.post('/api/bookings', { lines: [{ resource: yoga.id }] });
  routes = ['/bookings', '/bookings?show=waiting', '/bookings?show=past', yoga.address, course.address, `${course.address}&show=plan`, '/no/such/page'];
});
after(() => browser?.close());

for (const colorScheme of ['light', 'dark']) {
  for (const [width, height] of [[1280, 900], [320, 740]]) {
    const name = `${colorScheme}-${width}`;
    test(`ux 27: ${colorScheme} at ${width} px`, async () => {
      const narrow = width < 700;
      const look = { colorScheme, viewport: { width, height }, reducedMotion: 'reduce', hasTouch: narrow };

      const anybody = await (await browser.newContext({ locale: 'en-GB', ...look })).newPage();
      await anybody.goto(base);
      await anybody.getByTestId('person-card').first().waitFor();
      await assertAccessible(anybody, `sign-in ${name}`);
      await shoot(anybody, `sign-in-${name}`);
      await anybody.context().close();

      const page = await openAs(browser, 'Teacher A', { address: quietHour(), ...look });
      await cards(page).first().waitFor();
      await assertAccessible(page, `dashboard ${name}`);
      await assertOneRow(page, `dashboard ${name}`);
      await shoot(page, `dashboard-${name}`);
      if (narrow) await assertFingerSized(page, `dashboard ${name}`);
      await page.getByRole('button', { name: /More filters/ }).click();
      await assertAccessible(page, `filters ${name}`);
      await shoot(page, `filters-${name}`);
      await page.getByRole('button', { name: /More filters/ }).click();

      await claim(page, await cards(page).first().getAttribute('data-resource'));
      await page.waitForTimeout(300);
      await assertAccessible(page, `claim dialog ${name}`);
      await shoot(page, `claim-${name}`);
      if (narrow) await assertFingerSized(page, `claim dialog ${name}`);
      await dialog(page).getByLabel('Title').fill('Seen by everyone');
      await confirm(page);
      await toast(page, 'Room booked successfully').waitFor();

      if (narrow) await page.getByRole('link', { name: 'My bookings' }).click();
      const row = bookings(page).getByTestId('booking-row').filter({ has: page.getByTestId('move-button') }).first();
      await row.getByText('History').click();
      await row.locator('[data-what=made]').waitFor();
      await assertAccessible(page, `my bookings ${name}`);
      await shoot(page, `bookings-${name}`);
      await row.getByTestId('move-button').click();
      await page.getByTestId('move-confirm-button').waitFor();
      await page.waitForTimeout(300);
      await assertAccessible(page, `move dialog ${name}`);
      if (narrow) await assertFingerSized(page, `move dialog ${name}`);
      await shoot(page, `move-${name}`);
      await page.keyboard.press('Escape');

      await page.goto(`${base}/?q=no-room-is-called-this`);
      await page.getByText('No room fits').waitFor();
      await assertAccessible(page, `nothing found ${name}`);
      await page.goto(`${base}/?all=1&people=2000`);
      await cards(page).first().waitFor();
      await assertAccessible(page, `not free ${name}`);
      await shoot(page, `not-free-${name}`);
      for (const route of routes) {
        await page.goto(base + route);
        await page.locator('main#content').waitFor();
        await page.waitForFunction(() => !document.querySelector('[data-testid=loading]'));
        await page.waitForTimeout(300);
        await assertAccessible(page, `${route} ${name}`);
        if (narrow) await assertFingerSized(page, `${route} ${name}`);
        await shoot(page, `${route.replaceAll(/[^a-z]+/g, '-').slice(1, 20)}-${name}`);
      }
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }
}
