// Every screen in both themes, wide and narrow: no axe violation, no sideways scrolling, targets big enough for fingers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessibleInBothThemes, assertFingerSized, assertOneRow } from './access.mjs';
import { base, bookings, byApi, cards, claim, confirm, dialog, launch, live, makeClass, makeCourse, openAs, quietHour, shoot, stands, toast } from './people.mjs';

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

/** A picture in each theme. */
async function shootBoth(page, name) {
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    await shoot(page, `${name}-${colorScheme}`);
  }
}

for (const [width, height] of [[1280, 900], [320, 740]]) {
  const name = `${width}`;
  test(`ux 27: every screen at ${width} px, in both themes`, async () => {
    const narrow = width < 700;
    const look = { viewport: { width, height }, reducedMotion: 'reduce', hasTouch: narrow };

    const anybody = await (await browser.newContext({ locale: 'en-GB', ...look })).newPage();
    await anybody.goto(base);
    await anybody.getByTestId('person-card').first().waitFor();
    await assertAccessibleInBothThemes(anybody, `sign-in ${name}`);
    await shootBoth(anybody, `sign-in-${name}`);
    // Here, once, by the entrance.
    await anybody.getByTestId('person-card').filter({ hasText: 'Teacher A' }).first().click();
    await live(anybody);
    await anybody.context().close();

    const page = await openAs(browser, 'Teacher A', { address: quietHour(), ...look });
    await cards(page).first().waitFor();
    await stands(page);
    await assertAccessibleInBothThemes(page, `dashboard ${name}`);
    await assertOneRow(page, `dashboard ${name}`);
    await shootBoth(page, `dashboard-${name}`);
    if (narrow) await assertFingerSized(page, `dashboard ${name}`);
    await page.getByRole('button', { name: /More filters/ }).click();
    await assertAccessibleInBothThemes(page, `filters ${name}`);
    await shootBoth(page, `filters-${name}`);
    await page.getByRole('button', { name: /More filters/ }).click();

    await claim(page, await cards(page).first().getAttribute('data-resource'));
    await stands(page);
    await assertAccessibleInBothThemes(page, `claim dialog ${name}`);
    await shootBoth(page, `claim-${name}`);
    if (narrow) await assertFingerSized(page, `claim dialog ${name}`);
    await dialog(page).getByLabel('Title').fill('Seen by everyone');
    await confirm(page);
    await toast(page, 'Room booked successfully').waitFor();

    if (narrow) await page.getByRole('link', { name: 'My bookings' }).click();
    const row = bookings(page).getByTestId('booking-row').filter({ has: page.getByTestId('move-button') }).first();
    await row.getByText('History').click();
    await row.locator('[data-what=made]').waitFor();
    await assertAccessibleInBothThemes(page, `my bookings ${name}`);
    await shootBoth(page, `bookings-${name}`);
    await row.getByTestId('move-button').click();
    await page.getByTestId('move-confirm-button').waitFor();
    await stands(page);
    await assertAccessibleInBothThemes(page, `move dialog ${name}`);
    if (narrow) await assertFingerSized(page, `move dialog ${name}`);
    await shootBoth(page, `move-${name}`);
    await page.keyboard.press('Escape');

    await page.goto(`${base}/?q=no-room-is-called-this`);
    await page.getByText('No room fits').waitFor();
    await assertAccessibleInBothThemes(page, `nothing found ${name}`);
    await page.goto(`${base}/?all=1&people=2000`);
    await cards(page).first().waitFor();
    await stands(page);
    await assertAccessibleInBothThemes(page, `not free ${name}`);
    await shootBoth(page, `not-free-${name}`);
    for (const route of routes) {
      await page.goto(base + route);
      await page.locator('main#content').waitFor();
      await stands(page);
      await assertAccessibleInBothThemes(page, `${route} ${name}`);
      if (narrow) await assertFingerSized(page, `${route} ${name}`);
      await shootBoth(page, `${route.replaceAll(/[^a-z]+/g, '-').slice(1, 20)}-${name}`);
    }
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}
