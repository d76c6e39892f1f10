// Notices: what an admin does to a booking reaches its owner's bell at once, and is read when it was looked at.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { bookings, cards, claim, confirm, freshKey, launch, openAs, quietHour, shoot, toast } from './people.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('a booking that an admin cancels is told to its owner, and counts as read when it was seen', async () => {
  const owner = await openAs(browser, 'Teacher A', { address: quietHour() });
  const admin = await openAs(browser, 'Admin');
  await cards(owner).first().waitFor();
  await claim(owner, await cards(owner).first().getAttribute('data-resource'));
  await confirm(owner);
  await toast(owner, 'Room booked successfully').waitFor();
  const unread = async () => Number((await owner.getByTestId('unread').count()) ? await owner.getByTestId('unread').innerText() : 0);
  const seen = await unread();

  const booking = await bookings(owner).getByTestId('booking-row').filter({ has: owner.getByTestId('cancel-button') }).first().getAttribute('data-booking');
  const response = await admin.request.post(`${new URL(admin.url()).origin}/api/bookings/${booking}/cancel`, {
    headers: { 'Idempotency-Key': freshKey() },
    data: { reason: 'The heating is broken' },
  });
  assert.equal(response.status(), 200, await response.text());
  await owner.getByTestId('unread').filter({ hasText: String(seen + 1) }).waitFor();
  await owner.getByTestId('bell').click();
  const newest = owner.getByTestId('notice').first();
  await newest.waitFor();
  assert.deepEqual([await newest.getAttribute('data-news'), await newest.getAttribute('data-read')], ['cancelled', 'false']);
  await owner.waitForTimeout(300);
  await assertAccessible(owner, 'notices');
  await shoot(owner, 'notices');
  await owner.keyboard.press('Escape');
  await owner.getByTestId('unread').waitFor({ state: 'detached' });
  await owner.reload();
  await owner.getByTestId('bell').click();
  assert.equal(await owner.getByTestId('notice').first().getAttribute('data-read'), 'true');
  assert.deepEqual(owner.problems, []);
  await Promise.all([owner, admin].map((page) => page.context().close()));
});
