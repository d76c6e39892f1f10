// The source document's two scenarios, played by two people in two browsers, and what it leaves unsaid around them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, bookings, card, cards, claim, confirm, dialog, firstCommonRoom, launch, live, openAs, panel, quietHour, says, sees, shoot, toast } from './people.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const won = (page) => toast(page, 'Room booked successfully').waitFor().then(() => 'won');
const lost = (page) => panel(page).waitFor().then(() => 'lost');

/** Both teachers with the same search on screen, and a room that both see as free. */
async function bothSearch() {
  const address = quietHour();
  const [a, b] = await Promise.all([openAs(browser, 'Teacher A', { address }), openAs(browser, 'Teacher B', { address })]);
  return { a, b, room: await firstCommonRoom(a, b) };
}

async function leave(...pages) {
  for (const page of pages) assert.deepEqual(page.problems, []);
  await Promise.all(pages.map((page) => page.context().close()));
}

test('concurrent booking, T0 to T4: one books, the other is told by whom and what is free instead', async () => {
  const { a, b, room } = await bothSearch();
  await shoot(a, 't0-teacher-a-searches');

  await claim(a, room.id);
  await shoot(a, 't1-teacher-a-claims');
  await claim(b, room.id);
  await dialog(b).getByLabel('Title').fill('Chemistry tutorial');

  await dialog(a).getByLabel('Title').fill('Physics tutorial');
  await confirm(a);
  await toast(a, 'Room booked successfully').waitFor();
  await dialog(a).waitFor({ state: 'detached' });
  const row = bookings(a).getByTestId('booking-row').filter({ hasText: 'Physics tutorial' });
  await row.first().waitFor();
  await shoot(a, 't3-teacher-a-booked');

  // On B's screen the card turns in place, and the open dialog is told but not taken away.
  await card(b, room.id).getByText('Taken', { exact: true }).waitFor();
  await dialog(b).getByText('This room has just been booked by Teacher A').waitFor();
  await shoot(b, 't3-teacher-b-sees-it');

  await confirm(b);
  await toast(b, 'Room already booked by Teacher A').first().waitFor();
  await panel(b).waitFor();
  await card(b, room.id).waitFor({ state: 'detached' });
  await panel(b).getByTestId('alternative').nth(2).waitFor();
  await b.waitForTimeout(500);
  assert.equal(await b.getByText('Someone was faster').count(), 1, 'the refusal is told once');
  await shoot(b, 't4-teacher-b-refused');

  // Why, from the record: free on the screen, then Teacher A, then the refusal.
  await panel(b).getByRole('button', { name: 'What happened?' }).click();
  const happened = panel(b).getByTestId('what-happened').getByRole('listitem');
  await happened.filter({ hasText: 'Teacher A booked' }).waitFor();
  await says(happened.first(), /Your screen showed .* free/);
  await says(happened.last(), /refused/);
  await shoot(b, 't4-teacher-b-is-told-why');

  // One click takes another room, and what was typed is kept.
  const other = panel(b).getByTestId('alternative').first();
  const otherRoom = await other.getAttribute('data-resource');
  assert.notEqual(otherRoom, room.id);
  await other.getByRole('button').click();
  await panel(b).waitFor({ state: 'detached' });
  assert.equal(await dialog(b).getByLabel('Title').inputValue(), 'Chemistry tutorial');
  await confirm(b);
  await toast(b, 'Room booked successfully').waitFor();
  await bookings(b).getByTestId('booking-row').filter({ hasText: 'Chemistry tutorial' }).first().waitFor();
  await shoot(b, 't5-teacher-b-has-another-room');
  await leave(a, b);
});

test('lock conflict: while one confirms, the other is refused at once and asked to wait', async () => {
  const { a, b, room } = await bothSearch();
  await claim(a, room.id);
  await claim(b, room.id);

  // A's confirm has the hold and is kept on its way to the booking.
  let letGo;
  const held = new Promise((go) => {
    letGo = go;
  });
  await a.route('**/api/bookings', async (route) => {
    if (route.request().method() === 'POST') await held;
    await route.continue();
  });
  const granted = a.waitForResponse((answer) => answer.url().endsWith('/api/holds') && answer.request().method() === 'POST');
  await confirm(a);
  assert.equal((await granted).status(), 201);

  await confirm(b);
  await toast(b, 'Another teacher is currently booking').first().waitFor();
  await panel(b).getByText('Please wait and try again').waitFor();
  await shoot(b, 'lock-conflict-teacher-b-waits');
  await a.getByText('Still working…').first().waitFor();

  letGo();
  await toast(a, 'Room booked successfully').waitFor();
  await shoot(a, 'lock-conflict-teacher-a-booked');
  await leave(a, b);
});

test('both confirm at the same moment: exactly one has the room', async () => {
  const { a, b, room } = await bothSearch();
  await claim(a, room.id);
  await claim(b, room.id);
  await Promise.all([confirm(a), confirm(b)]);
  const ends = await Promise.all([a, b].map((page) => Promise.any([won(page), lost(page)])));
  assert.deepEqual(ends.toSorted(), ['lost', 'won']);
  const loser = ends[0] === 'lost' ? a : b;
  await says(panel(loser), /Room already booked by Teacher|Another teacher is currently booking/);
  await leave(a, b);
});

test('a cancel frees the card on the other screen in place', async () => {
  const { a, b, room } = await bothSearch();
  await claim(a, room.id);
  await dialog(a).getByLabel('Title').fill('To be cancelled');
  await confirm(a);
  await card(b, room.id).getByText('Taken', { exact: true }).waitFor();
  const place = () => cards(b).evaluateAll((all, id) => all.findIndex((one) => one.dataset.resource === id), room.id);
  const placeBefore = await place();
  await b.getByRole('button', { name: /changes? – refresh/ }).waitFor();

  await bookings(a).getByTestId('booking-row').filter({ hasText: 'To be cancelled' }).getByTestId('cancel-button').first().click();
  const ask = a.getByRole('dialog', { name: 'Cancel this booking?' });
  await ask.getByText('To be cancelled').waitFor();
  await shoot(a, 'cancel-dialog');
  await ask.getByTestId('cancel-confirm-button').click();
  await bookings(a).locator('[data-state=cancelled]').filter({ hasText: 'To be cancelled' }).first().waitFor();
  await card(b, room.id).getByTestId('claim-button').waitFor();
  assert.equal(await place(), placeBefore, 'the card has not moved');
  await leave(a, b);
});

test('a move keeps the old time where the new one is taken, offers other rooms, and frees the old one when it is had', async () => {
  const address = quietHour();
  const [a, b] = await Promise.all([openAs(browser, 'Teacher A', { address }), openAs(browser, 'Teacher B', { address })]);
  const room = await firstCommonRoom(a, b);
  await claim(a, room.id);
  await dialog(a).getByLabel('Title').fill('To be moved');
  await confirm(a);
  const row = bookings(a).getByTestId('booking-row').filter({ hasText: 'To be moved' }).filter({ hasText: room.name }).first();
  await row.waitFor();
  const oldTime = await row.locator('time').first().innerText();

  // The hour after it is taken: by a class, or by Teacher B.
  const search = new URLSearchParams(address.slice(2));
  const [from, to] = [1, 2].map((hours) => `${String(Number(search.get('from').slice(0, 2)) + hours).padStart(2, '0')}:00`);
  await b.goto(`${base}/?date=${search.get('date')}&from=${from}&to=${to}`);
  await live(b);
  await cards(b).first().waitFor();
  if ((await card(b, room.id).count()) > 0) {
    await claim(b, room.id);
    await confirm(b);
    await won(b);
  }

  await row.getByTestId('move-button').click();
  const moving = a.getByTestId('move-dialog');
  await moving.getByLabel('From').fill(from);
  await moving.getByLabel('To').fill(to);
  await moving.getByTestId('move-confirm-button').click();
  await panel(a).getByTestId('alternative').first().waitFor();
  await shoot(a, 'move-dialog');
  assert.equal(await row.locator('time').first().innerText(), oldTime, 'the old time is kept');

  const alternative = panel(a).getByTestId('alternative').first();
  const other = await alternative.getAttribute('data-resource');
  assert.notEqual(other, room.id);
  await alternative.getByRole('button').click();
  await toast(a, 'Booking moved').waitFor();
  await card(a, room.id).getByTestId('claim-button').waitFor();
  const moved = bookings(a).getByTestId('booking-row').filter({ hasText: 'To be moved' }).filter({ hasNotText: room.name });
  await moved.first().getByTestId('history').locator('summary').click();
  await moved.first().locator('[data-what=moved]').waitFor();
  await sees(() => moved.first().locator('li[data-what]').evaluateAll((all) => all.map((one) => one.dataset.what)), (told) => assert.deepEqual(told, ['made', 'moved']));
  await leave(a, b);
});

test('ux 14: an answer that is lost after the commit is found again by its key, and nothing is sent twice', async () => {
  const a = await openAs(browser, 'Teacher A', { address: quietHour() });
  await cards(a).first().waitFor();
  const room = await cards(a).first().getAttribute('data-resource');
  await claim(a, room);
  await dialog(a).getByLabel('Title').fill('Lost and found');
  let sent = 0;
  await a.route('**/api/bookings', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    sent += 1;
    await route.fetch();
    return route.abort('connectionreset');
  });
  let look;
  const looked = new Promise((go) => {
    look = go;
  });
  await a.route('**/api/attempts/*', async (route) => {
    await looked;
    await route.continue();
  });
  await confirm(a);
  await a.getByText('We do not know yet – checking…').first().waitFor();
  await shoot(a, 'unknown-outcome-checking');
  look();
  await toast(a, 'Room booked successfully').waitFor();
  assert.equal(sent, 1);
  await bookings(a).getByTestId('booking-row').filter({ hasText: 'Lost and found' }).and(a.locator('[data-state=confirmed]')).first().waitFor();
  await leave(a);
});

test('ux 12: a double click makes one booking', async () => {
  const a = await openAs(browser, 'Teacher A', { address: quietHour() });
  await cards(a).first().waitFor();
  await claim(a, await cards(a).first().getAttribute('data-resource'));
  const keys = new Set();
  let sent = 0;
  a.on('request', (request) => {
    if (request.method() !== 'POST' || !request.url().endsWith('/api/bookings')) return;
    sent += 1;
    keys.add(request.headers()['idempotency-key']);
  });
  await dialog(a).getByTestId('confirm-button').dblclick();
  await toast(a, 'Room booked successfully').waitFor();
  assert.deepEqual([sent, keys.size], [1, 1]);
  await leave(a);
});

test('ux 27: the keyboard alone books a room, and the focus is never lost', async () => {
  const a = await openAs(browser, 'Teacher A', { address: quietHour() });
  await cards(a).first().waitFor();
  await a.keyboard.press('Tab');
  const focused = () => a.evaluate(() => document.activeElement?.textContent ?? '');
  for (let tabs = 0; tabs < 40 && !(await focused()).startsWith('Claim Room'); tabs += 1) await a.keyboard.press('Tab');
  await a.keyboard.press('Enter');
  await dialog(a).getByTestId('confirm-button').waitFor();
  await a.waitForFunction(() => document.activeElement?.tagName === 'INPUT');
  await a.keyboard.press('Escape');
  await dialog(a).waitFor({ state: 'detached' });
  await a.waitForFunction(() => document.activeElement?.textContent === 'Claim Room');
  await a.keyboard.press('Enter');
  await a.waitForFunction(() => document.activeElement?.tagName === 'INPUT');
  await a.keyboard.type('By keyboard');
  await a.keyboard.press('Enter');
  await toast(a, 'Room booked successfully').waitFor();
  await a.waitForFunction(() => document.activeElement?.closest('[data-testid=room-card]'));
  await leave(a);
});

test('filters survive reload and back; the connection comes back by itself', async () => {
  const a = await openAs(browser, 'Teacher A', { address: quietHour() });
  await cards(a).first().waitFor();
  await a.getByLabel('People').fill('40');
  await a.waitForURL(/people=40/);
  await a.getByRole('button', { name: 'Day after' }).click();
  const address = a.url();
  await a.reload();
  await live(a);
  assert.equal(a.url(), address);
  const people = (count) => sees(() => a.getByLabel('People').inputValue(), (value) => assert.equal(value, count));
  await people('40');
  const date = await a.getByLabel('Date').inputValue();
  await a.goBack();
  await sees(() => a.getByLabel('Date').inputValue(), (value) => assert.notEqual(value, date));
  await people('40');

  await a.context().setOffline(true);
  await a.getByText(/Reconnecting… data from/).waitFor({ timeout: 60_000 });
  await shoot(a, 'reconnecting');
  await a.context().setOffline(false);
  await live(a);
  await a.context().close();
});
