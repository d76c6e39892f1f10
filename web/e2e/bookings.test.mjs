// My bookings: what can be done about one, undone for a moment, about a series as a whole; and how old what one sees is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { ask, base, byApi, closeAll, dayIn, launch, makePerson, openAs, sees, shoot, unique } from './people.mjs';

let browser;
let admin;
before(async () => {
  browser = await launch();
  admin = await byApi(browser, 'Alex Rivera');
});
after(() => browser?.close());

const row = (page, id) => page.locator(`[data-testid=booking-row][data-booking="${id}"]`);
const room = (policy = {}) => admin.make({ kind: 'room', name: unique('Room'), zone: 'Europe/Berlin', capacity: 1, seats: 10, policy: { hold_at: 'none', ...policy } });
const at = (resource, day, from, to) => ({ lines: [{ resource, start: `${day}T${from}`, end: `${day}T${to}` }] });

test('what was cancelled by mistake is had back for ten seconds, unless somebody else has it', async () => {
  const [id, teacher, mia] = [await room(), await byApi(browser, 'Teacher B'), await byApi(browser, 'Mia Novak')];
  const first = (await teacher.post('/api/bookings', { ...at(id, dayIn(5), '10:00', '11:00'), title: 'Choir' })).booking.id;
  const page = await openAs(browser, 'Teacher B', { address: `/bookings/${first}` });
  const cancel = async (booking) => {
    await page.goto(`${base}/bookings/${booking}`);
    await row(page, booking).getByTestId('cancel-button').click();
    await page.getByTestId('cancel-confirm-button').click();
    await row(page, booking).getByTestId('undo-button').waitFor();
  };
  await cancel(first);
  await shoot(page, 'undo');
  await row(page, first).getByTestId('undo-button').click();
  const [again] = await sees(
    async () => (await teacher.get(`/api/bookings?owner=me&resource=${id}&state=confirmed`)).items,
    (items) => (assert.equal(items.length, 1), items),
  );
  assert.equal(again.title, 'Choir');
  await cancel(again.id);
  await mia.post('/api/bookings', at(id, dayIn(5), '10:00', '11:00'));
  await row(page, again.id).getByTestId('undo-button').click();
  await page.getByText('It could not be had back').waitFor();
  await closeAll(page, teacher, mia);
});

test('two bookings take each other\'s places; the title of one is edited', async () => {
  const [one, other, teacher] = [await room(), await room(), await byApi(browser, 'Teacher B')];
  const a = (await teacher.post('/api/bookings', { ...at(one, dayIn(6), '08:00', '09:00'), title: unique('Alpha') })).booking;
  const b = (await teacher.post('/api/bookings', { ...at(other, dayIn(6), '12:00', '13:00'), title: unique('Beta') })).booking;
  const page = await openAs(browser, 'Teacher B', { address: '/bookings' });
  await row(page, a.id).getByTestId('swap-button').click();
  await page.getByTestId('swap-dialog').getByLabel(b.title).check();
  await assertAccessible(page, 'swap dialog');
  await page.getByTestId('swap-confirm-button').click();
  await page.getByText('Swapped', { exact: true }).waitFor();
  assert.equal((await teacher.get(`/api/bookings/${a.id}`)).lines[0].resource, other);
  await row(page, a.id).getByTestId('edit-button').click();
  await page.getByTestId('edit-dialog').getByLabel('Title').fill('Gamma');
  await page.getByTestId('edit-confirm-button').click();
  await row(page, a.id).getByRole('link', { name: 'Gamma' }).waitFor();
  await closeAll(page, teacher);
});

test('ux 23: a repeated booking previews its dates, skips one and moves one, and is changed from one date on', async () => {
  const [id, mia] = [await room(), await byApi(browser, 'Mia Novak')];
  const day = dayIn(4);
  await mia.post('/api/bookings', at(id, dayIn(4 + 14), '10:00', '11:00'));
  const offset = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Berlin', timeZoneName: 'longOffset' }).formatToParts(new Date(`${day}T12:00Z`)).find((part) => part.type === 'timeZoneName').value.slice(3);
  const page = await openAs(browser, 'Teacher B', { address: `/slots/${id}?start=${encodeURIComponent(`${day}T10:00:00${offset}`)}&end=${encodeURIComponent(`${day}T11:00:00${offset}`)}` });
  await page.getByTestId('repeat-button').click();
  const dialog = page.getByTestId('series-dialog');
  const dates = dialog.getByTestId('series-date');
  await dialog.locator('[data-became=refused]').waitFor();
  await sees(() => dates.evaluateAll((all) => all.map((one) => one.dataset.became)), (told) => assert.deepEqual(told, ['free', 'free', 'refused', 'free', 'free']));
  await dialog.getByText('4 of 5 dates free').waitFor();
  await assertAccessible(page, 'series dialog');
  await shoot(page, 'series');
  await dialog.locator('[data-became=refused]').getByTestId('move-date').click();
  await dialog.getByLabel('To', { exact: true }).fill(`${dayIn(4 + 14)}T15:00`);
  await dialog.getByTestId('move-date-confirm').click();
  await dialog.getByText('5 of 5 dates free').waitFor();
  await dates.last().getByTestId('skip-date').click();
  await dialog.getByText('4 of 4 dates free').waitFor();
  await dialog.getByLabel('Book all or none').check();
  await dialog.getByTestId('series-confirm').click();
  await page.getByText('4 dates booked').waitFor();

  const teacher = await byApi(browser, 'Teacher B');
  const { items } = await teacher.get(`/api/bookings?owner=me&resource=${id}`);
  assert.equal(items.length, 4);
  await page.goto(`${base}/bookings/${items[2].id}`);
  await page.getByTestId('dates').getByRole('listitem').nth(3).waitFor();
  await row(page, items[2].id).getByTestId('cancel-button').click();
  await page.getByLabel('This and those after it').check();
  await page.getByTestId('cancel-confirm-button').click();
  await page.locator(`[data-booking="${items[2].id}"][data-state=cancelled]`).waitFor();
  const states = (await teacher.get(`/api/bookings?owner=me&resource=${id}`)).items.map((one) => one.state);
  assert.deepEqual(states, ['confirmed', 'confirmed', 'cancelled', 'cancelled']);
  await closeAll(page, teacher, mia);
});

test('what is taken can be asked after: word comes when it is free', async () => {
  const [id, mia] = [await room(), await byApi(browser, 'Mia Novak')];
  const [day, booking] = [dayIn(7), (await mia.post('/api/bookings', at(id, dayIn(7), '10:00', '11:00'))).booking];
  const line = booking.lines[0];
  const page = await openAs(browser, await makePerson(admin), { address: `/slots/${id}?start=${line.start}&end=${line.end}` });
  await page.getByTestId('tell-me-button').click();
  await page.getByTestId('join-confirm').click();
  await page.goto(`${base}/bookings?show=waiting`);
  await page.getByTestId('entry-row').filter({ hasText: 'You will be told' }).first().waitFor();
  const { unread } = (await ask(page, 'GET', '/api/notices')).body;
  await mia.post(`/api/bookings/${booking.id}/cancel`);
  await page.getByTestId('unread').getByText(String(unread + 1), { exact: true }).waitFor();
  await page.getByTestId('bell').click();
  await page.locator('[data-testid=notice][data-news=free]').first().waitFor();
  assert.ok(day);
  await closeAll(page, mia);
});

test('a favourite is a press away, and stays over a reload', async () => {
  const page = await openAs(browser, await makePerson(admin));
  const first = page.getByTestId('room-card').first();
  await first.waitFor();
  const id = await first.getAttribute('data-resource');
  await first.getByTestId('favourite-button').click();
  await page.getByLabel('Only my favourites').check();
  await page.waitForURL((url) => url.searchParams.get('fav') === '1');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=room-card]').length === 1);
  await page.reload();
  await page.locator(`[data-testid=room-card][data-resource="${id}"]`).waitFor();
  await sees(() => page.getByTestId('room-card').count(), (count) => assert.equal(count, 1));
  await page.getByTestId('favourite-button').click();
  await page.getByText('No favourites yet').waitFor();
  await closeAll(page);
});
