// Classes: two people and one place. What is kept for those who wait is nobody else's; an offer has its own clock and two answers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { base, byApi, closeAll, launch, makeClass, openAs, says, shoot } from './people.mjs';

let browser;
let admin;
before(async () => {
  browser = await launch();
  admin = await byApi(browser, 'Alex Rivera');
});
after(() => browser?.close());

const row = (page, id) => page.locator(`[data-testid=class-row][data-class="${id}"]`);
const local = (at, part) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Berlin', ...part }).format(at);
const standing = (page, id, is) => page.locator(`[data-class="${id}"][data-standing="${is}"]`).waitFor();
const places = (page, id) => row(page, id).getByTestId('places');

test('a place is taken on one screen, and the other shows it full in place', async () => {
  const yoga = await makeClass(admin, { capacity: 1 });
  const [a, b] = await Promise.all([openAs(browser, 'Mia Novak', { address: yoga.address }), openAs(browser, 'Sam Ito', { address: yoga.address })]);
  await row(b, yoga.id).getByTestId('join-class').waitFor();
  await row(a, yoga.id).getByTestId('join-class').click();
  await standing(a, yoga.id, 'booked');
  await row(b, yoga.id).getByTestId('wait-button').waitFor();
  await says(places(b, yoga.id), /^Full\s*0 of 1 left/);
  await closeAll(a, b);
});

test('ux 18: before joining, the waitlist says place, total, rule, cutoff and cost; the place moves up live', async () => {
  const yoga = await makeClass(admin, { capacity: 1, policy: { quota: { most: 8, period: 'month', scope: 'group' }, book_by: { elapsed_s: 3600 } } });
  const [mia, teacher] = [await byApi(browser, 'Mia Novak'), await byApi(browser, 'Teacher A')];
  await mia.post('/api/bookings', { lines: [{ resource: yoga.id }] });
  const first = (await teacher.post('/api/waitlist', { resource: yoga.id })).entry.id;
  const page = await openAs(browser, 'Sam Ito', { address: yoga.address });
  await row(page, yoga.id).getByTestId('wait-button').click();
  const facts = page.getByTestId('join-facts');
  await facts.getByText('2 of 2').waitFor();
  for (const part of [/offered to you for 10 mins?/, /Nothing is given out after .* CET/, /Waiting costs nothing\. Once you have the place, it counts towards your 8/]) await says(facts, part);
  await assertAccessible(page, 'join dialog');
  await shoot(page, 'join-waitlist');
  await page.getByTestId('join-confirm').click();
  await standing(page, yoga.id, 'waiting');
  await row(page, yoga.id).getByText('You are number 2 of 2').waitFor();
  await teacher.post(`/api/waitlist/${first}/leave`);
  await row(page, yoga.id).getByText('You are number 1 of 1').waitFor();
  await page.goto(`${base}/bookings?show=waiting`);
  await page.locator('[data-testid=entry-row][data-place="1"]').first().waitFor();
  await closeAll(page, mia, teacher);
});

test('ux 19: an offer counts down, is answered in one click, and goes on to the next when it is declined', async () => {
  const yoga = await makeClass(admin, { capacity: 1 });
  const mia = await byApi(browser, 'Mia Novak');
  const booking = (await mia.post('/api/bookings', { lines: [{ resource: yoga.id }] })).booking.id;
  const [a, b] = [await openAs(browser, 'Sam Ito', { address: yoga.address }), await openAs(browser, 'Teacher A', { address: yoga.address })];
  for (const page of [a, b]) {
    await row(page, yoga.id).getByTestId('wait-button').click();
    await page.getByTestId('join-confirm').click();
    await standing(page, yoga.id, 'waiting');
  }
  await mia.post(`/api/bookings/${booking}/cancel`);
  const offer = row(a, yoga.id).getByTestId('offer');
  await offer.getByRole('timer').waitFor();
  await says(offer, /It is kept for you until .*CET/);
  await says(offer.getByRole('timer'), /^(10:00|9:\d\d)$/);
  await assertAccessible(a, 'an offer');
  await shoot(a, 'offer');
  // ux 20: what is offered is nobody else's, and never shown as left.
  assert.equal(await places(b, yoga.id).getAttribute('data-left'), '0');
  const began = Date.now();
  await offer.getByTestId('decline-offer').click();
  await row(b, yoga.id).getByTestId('offer').waitFor();
  assert.ok(Date.now() - began < 3_000);
  // The same under an address of its own, as a letter would link to: nothing happens before it is clicked.
  const entry = await row(b, yoga.id).getByTestId('offer').getAttribute('data-entry');
  await b.goto(`${base}/waitlist/${entry}`);
  await b.getByTestId('accept-offer').waitFor();
  assert.equal((await admin.get(`/api/waitlist?resource=${yoga.id}`)).items.find((one) => one.id === entry).state, 'offered');
  await b.getByTestId('accept-offer').click();
  await b.locator('[data-testid=entry-row][data-state=promoted]').waitFor();
  await closeAll(a, b, mia);
});

test('ux 20: places kept for those who wait are told as that, and cannot be had by a newcomer', async () => {
  const yoga = await makeClass(admin, { capacity: 2, policy: { waitlist: { mode: 'offer', offer_ttl_s: 600, fill: 'strict' } } });
  const [mia, teacher] = [await byApi(browser, 'Mia Novak'), await byApi(browser, 'Teacher A')];
  const one = (await mia.post('/api/bookings', { lines: [{ resource: yoga.id }] })).booking.id;
  await mia.post('/api/bookings', { lines: [{ resource: yoga.id }] });
  await teacher.post('/api/waitlist', { resource: yoga.id, units: 2 });
  await mia.post(`/api/bookings/${one}/cancel`);
  const page = await openAs(browser, 'Sam Ito', { address: yoga.address });
  await places(page, yoga.id).waitFor();
  await says(places(page, yoga.id), /0 of 2 left · 1 kept for the waitlist · 1 waiting/);
  assert.equal(await row(page, yoga.id).getByTestId('join-class').count(), 0);
  await closeAll(page, mia, teacher);
});

test('a late cancel says what it costs before it is one; check-in is there when its time has come', async () => {
  const soon = new Date(Date.now() + 20 * 60_000);
  const time = { hour: '2-digit', minute: '2-digit' };
  const day = local(soon, {});
  // Within the hour before midnight it would end the next day; then the day is over and there is nothing to try.
  const end = new Date(soon.getTime() + 30 * 60_000);
  const yoga = await makeClass(admin, { capacity: 5, policy: { cancel_by: { elapsed_s: 60 }, late_cancel_from: { elapsed_s: 43_200 }, check_in: { opens_s: 1_800, closes_s: 600 } }, day, from: local(soon, time), to: local(end, time) === '00:00' ? '23:59' : local(end, time) });
  const page = await openAs(browser, 'Mia Novak', { address: yoga.address });
  await row(page, yoga.id).getByTestId('join-class').click();
  await standing(page, yoga.id, 'booked');
  await row(page, yoga.id).getByText('It is late').waitFor();
  await row(page, yoga.id).getByTestId('check-in').click();
  await standing(page, yoga.id, 'checked_in');
  await closeAll(page);
});

test('somebody who is in cancels with one look at what it means', async () => {
  const yoga = await makeClass(admin, { capacity: 1, policy: { cancel_by: { elapsed_s: 60 }, late_cancel_from: { elapsed_s: 10 * 86_400 } } });
  const page = await openAs(browser, 'Mia Novak', { address: yoga.address });
  await row(page, yoga.id).getByTestId('join-class').click();
  await row(page, yoga.id).getByTestId('leave-class').click();
  await page.getByRole('dialog').getByText('a cancel now counts as if you had come').waitFor();
  await page.getByTestId('cancel-confirm-button').click();
  await row(page, yoga.id).getByTestId('join-class').waitFor();
  await closeAll(page);
});
