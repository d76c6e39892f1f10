// From looking to having: few steps, a hold that tells how long it lasts, why something is not free, whose zone a time is in, and what
// is said when somebody else was faster.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { ask, base, byApi, card, cards, claim, closeAll, confirm, dialog, freshKey, launch, makePerson, openAs, panel, quietDay, quietHour, says, sees, shoot, toast, unique } from './people.mjs';

let browser;
let root;
const day = quietDay(45);
const at = (clock, zone = 'Z') => `${day}T${clock}:00${zone}`;
before(async () => {
  browser = await launch();
  root = await byApi(browser, 'Alex Rivera');
});
after(() => browser?.close());

const room = async (more = {}) => {
  const name = unique('Claim');
  const id = await root.make({ kind: 'room', name, zone: 'UTC', capacity: 1, seats: 10, ...more });
  return { id, name, address: `/?date=${day}&from=10:00&to=11:00&q=${encodeURIComponent(name)}` };
};

test('ux 1: from the home page a free room is claimed in two steps and booked in three', async () => {
  const page = await openAs(browser, 'Teacher A', { address: quietHour() });
  await cards(page).first().waitFor();
  let steps = 0;
  const step = async (what) => {
    steps += 1;
    await what;
  };
  await step(page.getByLabel('People').fill('4'));
  await page.waitForURL(/people=4/);
  await page.locator('section[aria-labelledby=results][aria-busy=false]').waitFor();
  await step(cards(page).first().getByTestId('claim-button').click());
  assert.ok(steps <= 3, `${steps} steps to the claim`);
  await step(dialog(page).getByTestId('confirm-button').click());
  await toast(page, 'Room booked successfully').waitFor();
  assert.ok(steps <= 5, `${steps} steps to the booking`);
  await closeAll(page);
});

test('ux 3: everything that is not free says why in words', async () => {
  const word = unique('Why');
  const make = (what, more) => root.make({ kind: 'room', name: `${word} ${what}`, zone: 'UTC', capacity: 1, seats: 10, ...more });
  const taken = await make('taken', {});
  await make('small', { seats: 2 });
  await make('shut', { policy: { opening_hours: [{ days: ['mo', 'tu', 'we', 'th', 'fr'], from: '18:00', to: '20:00' }] } });
  await make('trained', { policy: { eligibility: [{ all: ['trained:laser-of-this-test'] }] } });
  const counted = await make('counted', { policy: { quota: { most: 1, period: 'week', scope: 'resource' } } });
  const closed = await make('closed', {});
  const [ann, ben] = [await byApi(browser, 'Teacher A'), await byApi(browser, 'Teacher B')];
  await ben.post('/api/bookings', { lines: [{ resource: taken, start: at('10:00'), end: at('11:00') }] });
  await ann.post('/api/bookings', { lines: [{ resource: counted, start: at('14:00'), end: at('15:00') }] });
  const page = await openAs(browser, 'Teacher A', { address: `/?date=${day}&from=10:00&to=11:00&people=5&all=1&q=${encodeURIComponent(word)}` });
  const { policy_version } = await root.get(`/api/resources/${closed}`);
  const admin = await openAs(browser, 'Alex Rivera', { address: '/bookings' });
  const blocked = await ask(admin, 'POST', `/api/resources/${closed}/blocks`, { start: at('08:00'), end: at('20:00'), reason: 'Painting' }, policy_version);
  assert.equal(blocked.status, 201, JSON.stringify(blocked.body));
  await page.reload();
  await cards(page).nth(5).waitFor();
  const tells = (what, words) => says(cards(page).filter({ hasText: `${word} ${what}` }), words);
  await tells('taken', /Taken[\s\S]*Teacher B/);
  await tells('small', /2 seats[\s\S]*(too small|Too small|seats)/);
  await tells('shut', /[Cc]losed|[Oo]pen|hours/);
  await tells('trained', /not open to everybody/);
  await tells('counted', /1 may be booked per person/);
  await tells('closed', /Painting/);
  await shoot(page, 'why-not-free');
  await closeAll(page, admin, ann, ben);
});

test('what asks for approval says so before it is asked for: on its card, in its claim, in the timeline and in the list of a phone', async () => {
  const { id, name, address } = await room({ seats: 500, policy: { approval: true } });
  const page = await openAs(browser, 'Teacher A', { address });
  await card(page, id).getByText('Asks for approval').waitFor();
  await claim(page, id);
  await dialog(page).getByTestId('asks-approval').getByText('Until then it is asked for, not booked.').waitFor();
  await says(dialog(page).getByTestId('confirm-button'), /^Ask for it$/);
  await assertAccessible(page, 'a claim that asks for approval');
  await confirm(page);
  await toast(page, 'Asked for').waitFor();
  await sees(async () => (await root.get(`/api/bookings?resource=${id}`)).items.map(({ state }) => state), (states) => assert.deepEqual(states, ['pending']));
  const timeline = `/?show=timeline&date=${day}&q=${encodeURIComponent(name)}`;
  await page.goto(base + timeline);
  await page.getByTestId('timeline-grid').getByRole('rowheader').getByText('Asks for approval').waitFor();
  await page.setViewportSize({ width: 320, height: 640 });
  await page.getByTestId('timeline-list').getByText('Asks for approval').waitFor();
  await closeAll(page);
});

test('ux 11: a hold warns once at a time before it ends, is kept longer by one click, and at its end keeps what was typed', async () => {
  const { id, address } = await room({ policy: { hold_at: 'claim', hold_ttl_s: 10 } });
  const page = await openAs(browser, 'Teacher A', { address });
  await claim(page, id);
  await dialog(page).getByRole('timer').waitFor();
  await page.evaluate(() => {
    globalThis.said = [];
    const region = document.querySelector('[data-testid=claim-dialog] [role=timer] + [role=status]');
    new MutationObserver(() => region.textContent && globalThis.said.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
  });
  await dialog(page).getByLabel('Title').fill('Not lost');
  await page.waitForFunction(() => globalThis.said.some((words) => /ends in/.test(words) || /seconds?/.test(words)));
  const warned = (await page.evaluate(() => globalThis.said)).length;
  assert.equal(new Set(await page.evaluate(() => globalThis.said)).size, warned, 'each is said once');
  await dialog(page).getByRole('button', { name: /[Kk]eep/ }).click();
  await page.waitForFunction(() => /0:(09|10)/.test(document.querySelector('[data-testid=claim-dialog] [role=timer]')?.textContent ?? ''));
  // Nobody keeps it: it ends, and nothing that was typed goes with it.
  await panel(page).waitFor({ timeout: 15_000 });
  assert.equal(await dialog(page).getByLabel('Title').inputValue(), 'Not lost');
  await shoot(page, 'hold-ended');
  await dialog(page).getByRole('button', { name: 'Hold it again' }).click();
  await dialog(page).getByRole('timer').waitFor();
  await confirm(page);
  await toast(page, 'Room booked successfully').waitFor();
  await closeAll(page);
});

test('ux 12: one attempt sent twice at the same moment from two tabs is one booking', async () => {
  const { id } = await room();
  const page = await openAs(browser, 'Teacher A', { address: '/bookings' });
  const other = await page.context().newPage();
  await other.goto(`${base}/bookings`);
  const key = freshKey();
  const send = (tab) =>
    tab.evaluate(
      async ([resource, start, end, name]) => {
        const answer = await fetch('/api/bookings', { method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': name }, body: JSON.stringify({ lines: [{ resource, start, end }] }) });
        return { status: answer.status, body: await answer.json() };
      },
      [id, at('10:00'), at('11:00'), key],
    );
  const answers = await Promise.all([send(page), send(other)]);
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  // The other was told that it is under way, or what came of it; asked again it is the same booking.
  for (const { status, body } of answers) assert.ok(status < 300 || body.code === 'in_progress', JSON.stringify(body));
  const again = await send(other);
  assert.deepEqual([again.status, again.body.booking.id], [200, answers.find(({ status }) => status === 201).body.booking.id]);
  const { items } = await root.get(`/api/bookings?resource=${id}`);
  assert.equal(items.length, 1);
  await closeAll(page);
});

test('ux 13: a refused move is back in its place at once, says why there, and leaves the focus where it was', async () => {
  const { id, name } = await room();
  const [ann, ben] = [await byApi(browser, 'Teacher A'), await byApi(browser, 'Teacher B')];
  await ann.post('/api/bookings', { lines: [{ resource: id, start: at('10:00'), end: at('11:00') }], title: 'To be moved' });
  const page = await openAs(browser, 'Teacher A', { address: `/?show=timeline&date=${day}&q=${encodeURIComponent(name)}` });
  const grid = page.getByTestId('timeline-grid');
  const cell = (clock) => grid.getByRole('gridcell', { name: new RegExp(`^${name}.* ${clock} –`) });
  await cell('10:00').waitFor();
  await cell('10:00').click();
  await cell('15:00').click();
  const put = page.getByTestId('timeline-move');
  // What Teacher B does is kept from this screen until the refusal comes.
  let answered;
  const refusal = new Promise((tell) => {
    answered = tell;
  });
  await page.route('**/api/bookings/*/move', async (route) => {
    await ben.post('/api/bookings', { lines: [{ resource: id, start: at('15:00'), end: at('15:30') }] });
    const response = await route.fetch();
    await route.fulfill({ response });
    answered(Date.now());
  });
  await put.focus();
  await page.keyboard.press('Enter');
  const came = await refusal;
  await page.getByTestId('timeline-hand').getByText('It has not been moved').waitFor();
  assert.ok(Date.now() - came < 1_000, `told after ${Date.now() - came} ms`);
  assert.equal(await cell('10:00').getAttribute('data-state'), 'mine', 'it is where it was');
  assert.ok(await put.evaluate((button) => button === document.activeElement), 'the focus has not moved');
  await says(page.getByTestId('timeline-hand'), /already booked/);
  await closeAll(page, ann, ben);
});

test('ux 15: who is refused reads which room, who took it and how long ago, has three others by one click, and still after the toast is gone', async () => {
  const address = quietHour();
  const [a, b] = await Promise.all([openAs(browser, 'Teacher A', { address }), openAs(browser, 'Teacher B', { address })]);
  await cards(b).first().waitFor();
  const id = await cards(b).first().getAttribute('data-resource');
  const name = await card(b, id).getByRole('heading').innerText();
  await claim(b, id);
  await claim(a, id);
  await confirm(a);
  await toast(a, 'Room booked successfully').waitFor();
  await confirm(b);
  await panel(b).waitFor();
  await says(panel(b).getByRole('heading', { level: 3 }), /Teacher A/);
  await says(panel(b), /\d+ secs? ago/);
  await dialog(b).getByText(name).first().waitFor();
  await toast(b, 'Someone was faster').first().getByRole('button').click();
  await toast(b, 'Someone was faster').first().waitFor({ state: 'detached' });
  await panel(b).getByTestId('alternative').nth(2).waitFor();
  const seats = await panel(b).locator('[data-why=other_resource]').evaluateAll((all) => all.map((one) => Number(one.innerText.match(/^(\d+) seats/m)?.[1] ?? 0)));
  assert.deepEqual(seats, seats.toSorted((x, y) => x - y), 'the best fit first');
  await panel(b).getByTestId('alternative').first().getByRole('button').click();
  await panel(b).waitFor({ state: 'detached' });
  await confirm(b);
  await toast(b, 'Room booked successfully').waitFor();
  await closeAll(a, b);
});

test('ux 21: a time says its zone, and the time of whoever looks where that is another; a clock that is set forward or back is asked about', async () => {
  const { id, name, address } = await room({ zone: 'Europe/Berlin' });
  const kim = await makePerson(root);
  const page = await openAs(browser, kim, { address, timezoneId: 'America/New_York' });
  await claim(page, id);
  await confirm(page);
  await toast(page, 'Room booked successfully').waitFor();
  await page.goto(`${base}/bookings`);
  const row = page.getByTestId('booking-row').filter({ hasText: name });
  await says(row, /10:00 – 11:00\s+CET, Berlin[\s\S]*4:00 – 5:00 your time \((EST|GMT-5), New York\)/);

  // A zone of one's own goes before the device's, here and on the next device.
  await page.goto(`${base}/profile`);
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
  await page.getByRole('button', { name: 'Save' }).click();
  const another = await openAs(browser, kim, { address: '/bookings', timezoneId: 'America/New_York' });
  await another.getByTestId('booking-row').filter({ hasText: name }).getByText(/18:00 – 19:00 your time \(.*Tokyo\)/).waitFor();

  // An hour that does not exist, and one that comes twice: both of it stand in the timeline, and the one that is meant is booked.
  await page.goto(`${base}/?date=2027-03-28&from=02:30&to=04:00&q=${encodeURIComponent(name)}`);
  await page.getByText('this time does not exist').waitFor();
  await page.goto(`${base}/?date=2027-10-31&from=02:30&to=04:00&q=${encodeURIComponent(name)}`);
  await page.getByText('this time comes twice').waitFor();
  await page.getByRole('link', { name: 'Choose in the timeline' }).click();
  const twice = page.getByTestId('timeline-grid').getByRole('gridcell', { name: new RegExp(`^${name}.* 2:30 –`) });
  await page.getByTestId('timeline-grid').getByRole('gridcell').first().waitFor();
  await page.getByTestId('timeline-grid').evaluate((one) => one.scrollTo({ left: 0 }));
  await sees(() => twice.count(), (count) => assert.equal(count, 2));
  await twice.nth(1).click();
  await page.getByTestId('timeline-book').click();
  await dialog(page).getByTestId('confirm-button').waitFor();
  await confirm(page);
  await toast(page, 'Room booked successfully').waitFor();
  const { items } = await root.get(`/api/bookings?resource=${id}&from=2027-10-30T00:00:00Z`);
  assert.equal(items[0].lines[0].start, '2027-10-31T01:30:00Z', 'the second half past two');
  await closeAll(page, another);
});
