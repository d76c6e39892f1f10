// Notices: what an admin does to a booking reaches its owner's bell at once, and is read when it was looked at.
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { ask, bookings, byApi, cards, claim, closeAll, confirm, launch, makePerson, openAs, quietHour, shoot, stands, toast } from './people.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('a booking that an admin cancels is told to its owner, and counts as read when it was seen', async () => {
  const admin = await byApi(browser, 'Alex Rivera');
  const owner = await openAs(browser, await makePerson(admin), { address: quietHour() });
  await cards(owner).first().waitFor();
  await claim(owner, await cards(owner).first().getAttribute('data-resource'));
  await confirm(owner);
  await toast(owner, 'Room booked successfully').waitFor();
  const { unread } = (await ask(owner, 'GET', '/api/notices')).body;

  const booking = await bookings(owner).getByTestId('booking-row').filter({ has: owner.getByTestId('cancel-button') }).first().getAttribute('data-booking');
  await admin.post(`/api/bookings/${booking}/cancel`, { reason: 'The heating is broken' });
  await owner.getByTestId('unread').getByText(String(unread + 1), { exact: true }).waitFor();
  await owner.getByTestId('bell').click();
  const newest = owner.getByTestId('notice').first();
  await newest.waitFor();
  await newest.and(owner.locator('[data-news=cancelled][data-read=false]')).waitFor();
  await stands(owner);
  await assertAccessible(owner, 'notices');
  await shoot(owner, 'notices');
  await owner.keyboard.press('Escape');
  await owner.getByTestId('unread').waitFor({ state: 'detached' });
  await owner.reload();
  await owner.getByTestId('bell').click();
  await newest.and(owner.locator('[data-read=true]')).waitFor();
  await closeAll(owner, admin);
});
