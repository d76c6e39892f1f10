// What every list says when there is nothing, nobody answers, it is not allowed, or the line is down.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { base, byApi, closeAll, dayIn, launch, makeClass, openAs, says } from './people.mjs';

let browser;
let admin;
before(async () => {
  browser = await launch();
  admin = await byApi(browser, 'Alex Rivera');
});
after(() => browser?.close());

const problem = (status, code) => ({ status, contentType: 'application/problem+json', body: JSON.stringify({ type: `/problems/${code}`, title: code, status, code, detail: code }) });

/** Each list with where it is read from, and an address where it is empty. */
const lists = [
  { name: 'bookings', api: '**/api/bookings?*', address: '/bookings', nothing: null },
  { name: 'past bookings', api: '**/api/bookings?*', address: '/bookings?show=past', nothing: null },
  { name: 'waitlists', api: '**/api/waitlist?*', address: '/bookings?show=waiting', nothing: null },
  { name: 'classes', api: '**/api/classes?*', address: '/classes', nothing: '/classes?day=2031-01-01' },
  { name: 'courses', api: '**/api/courses?*', address: '/courses', nothing: '/courses?q=no-course-is-called-this' },
];

for (const { name, api, address, nothing } of lists) {
  test(`ux 29: ${name} say when they load, are empty, cannot be read, are not allowed, or nobody answers`, async () => {
    const page = await openAs(browser, 'Teacher A');
    const answers = [
      ['denied', (route) => route.fulfill(problem(403, 'not_allowed'))],
      ['trouble', (route) => route.fulfill(problem(422, 'invalid'))],
      ['offline', (route) => route.abort()],
    ];
    for (const [state, answer] of answers) {
      await page.route(api, answer);
      await page.goto(base + address);
      await page.getByTestId(state).first().waitFor();
      await assertAccessible(page, `${name}, ${state}`);
      await page.unroute(api);
    }
    let go;
    const gate = new Promise((open) => (go = open));
    await page.route(api, async (route) => {
      await gate;
      await route.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify({ items: [], next: null, as_of: new Date().toISOString(), subjects: {} }) });
    });
    await page.goto(base + address);
    await page.getByTestId('loading').first().waitFor();
    await assertAccessible(page, `${name}, loading`);
    go();
    await page.getByTestId('empty').first().waitFor();
    await assertAccessible(page, `${name}, empty`);
    await page.unroute(api);
    if (nothing) {
      await page.goto(base + nothing);
      await page.getByTestId('empty').first().waitFor();
    }
    await page.context().close();
  });
}

test('ux 17: a lost line shows the age of the data within five seconds, refuses to act on old data with a word, and comes back by itself', async () => {
  const yoga = await makeClass(admin, { capacity: 3, day: dayIn(3) });
  const page = await openAs(browser, 'Mia Novak', { address: yoga.address });
  const join = page.locator(`[data-class="${yoga.id}"]`).getByTestId('join-class');
  await join.waitFor();
  await page.context().setOffline(true);
  await page.locator('[data-testid=connection-state][data-state=reconnecting]').waitFor({ timeout: 5_000 });
  await says(page.getByTestId('connection-state'), /data from \d+:\d\d:\d\d/);
  // Half a minute later, by the page's own clock.
  await page.evaluate(() => {
    const now = performance.now.bind(performance);
    performance.now = () => now() + 31_000;
  });
  await join.click();
  await page.getByText(/Not sent: what you see is \d+ secs? old/).waitFor();
  assert.equal((await admin.get(`/api/bookings?resource=${yoga.id}`)).items.length, 0);
  await page.context().setOffline(false);
  await page.locator('[data-testid=connection-state][data-state=live]').waitFor({ timeout: 15_000 });
  await join.click();
  await page.locator(`[data-class="${yoga.id}"][data-standing=booked]`).waitFor();
  await closeAll(page);
});
