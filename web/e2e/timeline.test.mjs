// The timeline in a real browser: how fast it opens, what its cells say, every key, two clicks, drags and what they can be done by
// instead, what is heard from others, and its list on a phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, assertFingerSized } from './access.mjs';
import { ask, confirm, dialog, unique, launch, makeResource, openAs, quietDay, shoot, toast } from './people.mjs';

let browser;
let admin;
const day = quietDay();
before(async () => {
  browser = await launch();
  admin = await openAs(browser, 'Alex Rivera', { address: '/admin' });
});
after(() => browser?.close());

const grid = (page) => page.getByTestId('timeline-grid');
const hand = (page) => page.getByTestId('timeline-hand');
const cell = (page, name, clock) => grid(page).getByRole('gridcell', { name: new RegExp(`^${name}.* ${clock} –`) });
const at = (clock) => `${day}T${clock}:00Z`;

async function openTimeline(name, q, more = '', options = {}) {
  const page = await openAs(browser, name, { address: `/?show=timeline&date=${day}&q=${encodeURIComponent(q)}${more}`, ...options });
  await grid(page).waitFor();
  await grid(page).locator('[role=gridcell]').first().waitFor();
  return page;
}

async function book(page, resource, start, end, more = {}) {
  const { status, body } = await ask(page, 'POST', '/api/bookings', { lines: [{ resource, start: at(start), end: at(end) }], ...more });
  assert.equal(status, 201, JSON.stringify(body));
  return body.booking;
}

const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

async function done(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

test('ux 4: five hundred rooms by seven days open in a second and a half, with few nodes and no blank rows', async () => {
  const { body } = await ask(admin, 'GET', '/api/timeline?kind=room&limit=1&from=2027-01-04T00:00:00Z&to=2027-01-05T00:00:00Z');
  for (let missing = 500 - body.total; missing > 0; missing -= 1) await makeResource(admin, { name: unique('Many') });

  const page = await openAs(browser, 'Teacher A', { address: `/?date=${day}&span=week` });
  await page.getByRole('button', { name: 'Timeline' }).waitFor();
  const opened_ms = await page.evaluate(
    () =>
      new Promise((tell) => {
        const from = performance.now();
        const look = () => (document.querySelector('[data-testid=timeline-grid] [role=gridcell]') ? requestAnimationFrame(() => tell(performance.now() - from)) : requestAnimationFrame(look));
        [...document.querySelectorAll('button')].find((one) => one.textContent === 'Timeline').click();
        look();
      }),
  );
  assert.ok(opened_ms < 1_500, `opened in ${opened_ms} ms`);
  const rows = Number(await grid(page).getAttribute('aria-rowcount')) - 1;
  assert.ok(rows >= 500, `${rows} rows`);
  assert.equal(Number(await grid(page).getAttribute('aria-colcount')) - 1, 7 * 28);
  const nodes = () => page.evaluate(() => document.querySelectorAll('*').length);
  assert.ok((await nodes()) < 3_000, `${await nodes()} nodes`);

  // Wherever it is scrolled to, every row and column in sight is there in the same frame.
  const height = await grid(page).evaluate((one) => one.scrollHeight);
  for (const part of [0.2, 0.5, 0.9, 1]) {
    await grid(page).evaluate((one, [top, left]) => {
      one.scrollTop = top;
      one.scrollLeft = left;
    }, [height * part, 3_000 * part]);
    await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
    const blank = await grid(page).evaluate((one) => {
      const box = one.getBoundingClientRect();
      const seen = [...one.querySelectorAll('[role=row]')].map((row) => row.getBoundingClientRect());
      let missing = 0;
      for (let y = box.top + 60; y < box.bottom - 20; y += 20) if (!seen.some((row) => row.top <= y && row.bottom >= y)) missing += 1;
      return missing;
    });
    assert.equal(blank, 0, `blank at ${part}`);
    assert.ok((await nodes()) < 3_000, `${await nodes()} nodes at ${part}`);
  }
  // Rows far down are read when they come into sight.
  await grid(page).locator('[role=row]:last-of-type [role=gridcell]').first().waitFor();
  await done(page);
});

test('ux 5: nine states differ in sign, pattern and words, and stand out by three to one in both themes', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const page = await openTimeline('Teacher A', '', '', { colorScheme });
    const told = await page.getByTestId('timeline-legend').evaluate((list) => {
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
      const light = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      return [...list.querySelectorAll('li')].map((one) => {
        const swatch = one.firstElementChild;
        const style = getComputedStyle(swatch);
        return { state: swatch.dataset.state, words: one.textContent, look: `${style.backgroundImage} ${swatch.innerHTML}`, edge: light(style.borderTopColor), fill: light(style.backgroundColor) };
      });
    });
    assert.equal(told.length, 9);
    assert.equal(new Set(told.map(({ words }) => words)).size, 9);
    assert.equal(new Set(told.map(({ look }) => look)).size, 9, JSON.stringify(told.map(({ state, look }) => [state, look])));
    for (const one of told) for (const other of told) assert.ok(contrast(one.edge, other.fill) >= 3, `${colorScheme}: the edge of ${one.state} on ${other.state}: ${contrast(one.edge, other.fill)}`);
    await done(page);
  }
});

test('ux 6: what has several units says how many are taken, and who waits when it is full', async () => {
  const name = unique('Kit');
  const kit = await makeResource(admin, { kind: 'equipment', name, capacity: 2, policy: { waitlist: { mode: 'offer' } } });
  const page = await openTimeline('Teacher A', name, '&kind=equipment');
  await book(page, kit.id, '09:00', '10:00');
  await cell(page, name, '9:00').and(page.locator('[data-heat="2"]')).waitFor();
  await book(admin, kit.id, '09:00', '10:00');
  const { status, body } = await ask(admin, 'POST', '/api/waitlist', { resource: kit.id, start: at('09:00'), end: at('10:00') });
  assert.equal(status, 201, JSON.stringify(body));
  await grid(page).getByRole('gridcell', { name: /9:00 –.*Full, 1 waiting, 2 of 2 taken/ }).waitFor();
  assert.equal((await grid(page).getByText('Full, 1 waiting').first().innerText()).trim(), 'Full, 1 waiting');
  await grid(page).getByText('0/2').first().waitFor();
  await shoot(page, 'timeline-heat');
  await done(page);
});

test('ux 7: one tab stop and every key; a room is booked with the keyboard alone', async () => {
  const name = unique('Keys');
  await makeResource(admin, { name });
  const page = await openTimeline('Teacher A', name);
  assert.equal(await grid(page).locator('[tabindex]').count(), 0, 'the grid itself is the only stop');
  await page.getByTestId('timeline-legend').waitFor();
  await grid(page).focus();
  /** The cell that the keyboard is on says so; it is drawn once it has come into sight. */
  const says = (words) =>
    page.waitForFunction(
      (wanted) => {
        const one = document.querySelector('[data-testid=timeline-grid]');
        return document.getElementById(one.getAttribute('aria-activedescendant') ?? '')?.getAttribute('aria-label')?.endsWith(wanted);
      },
      words,
    );
  await page.keyboard.press('Home');
  await says(' 7:00 – 7:30, free');
  await page.keyboard.press('End');
  await says(' 20:30 – 21:00, free');
  await page.keyboard.press('Control+Home');
  for (let step = 0; step < 8; step += 1) await page.keyboard.press('ArrowRight');
  await says(' 11:00 – 11:30, free');
  await page.keyboard.press('PageDown');
  await page.waitForURL((url) => url.searchParams.get('date') !== day);
  await page.keyboard.press('PageUp');
  await page.waitForURL((url) => url.searchParams.get('date') === day);
  await page.keyboard.press('Home');
  for (let step = 0; step < 8; step += 1) await page.keyboard.press('ArrowRight');

  await page.keyboard.press('Enter');
  await hand(page).waitFor();
  await page.keyboard.press('Escape');
  await hand(page).waitFor({ state: 'detached' });
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await hand(page).getByText('11:00 – 12:30').waitFor();
  await page.keyboard.press('Enter');
  await dialog(page).getByText('11:00 – 12:30').first().waitFor();
  await dialog(page).getByLabel('Title').focus();
  await page.keyboard.type('By hand');
  await page.keyboard.press('Enter');
  await toast(page, 'Room booked successfully').waitFor();
  await cell(page, name, '11:00').and(page.locator('[data-state=mine]')).waitFor();
  await shoot(page, 'timeline-own');
  await done(page);
});

test('ux 8: what is dragged can be clicked: making, moving, lengthening', async () => {
  const name = unique('Drag');
  const room = await makeResource(admin, { name });
  const page = await openTimeline('Teacher A', name);
  const middle = async (clock) => {
    const box = await cell(page, name, clock).boundingBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };

  // Two clicks.
  await cell(page, name, '9:00').click();
  await cell(page, name, '9:30').click();
  await dialog(page).getByText('9:00 – 10:00').first().waitFor();
  await confirm(page);
  await toast(page, 'Room booked successfully').waitFor();
  await cell(page, name, '9:00').and(page.locator('[data-state=mine]')).waitFor();

  // One drag.
  await page.mouse.move(...(await middle('11:00')));
  await page.mouse.down();
  await page.mouse.move(...(await middle('11:30')), { steps: 4 });
  await page.mouse.move(...(await middle('12:00')), { steps: 4 });
  await page.mouse.up();
  await dialog(page).getByText('11:00 – 12:30').first().waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });

  // Carried away with the mouse.
  await page.mouse.move(...(await middle('9:00')));
  await page.mouse.down();
  await page.mouse.move(...(await middle('10:00')), { steps: 4 });
  await page.mouse.move(...(await middle('13:00')), { steps: 4 });
  await page.mouse.up();
  await hand(page).getByText('13:00 – 14:00').waitFor();
  await page.getByTestId('timeline-move').click();
  await cell(page, name, '13:00').and(page.locator('[data-state=mine]')).waitFor();
  await cell(page, name, '9:00').and(page.locator('[data-state=free]')).waitFor();

  // The same by clicks: taken up, made longer, put elsewhere.
  await cell(page, name, '13:30').click();
  await hand(page).getByRole('button', { name: 'Longer' }).click();
  await hand(page).getByText('13:00 – 14:30').waitFor();
  await cell(page, name, '15:00').click();
  await hand(page).getByText('15:00 – 16:30').waitFor();
  await page.getByTestId('timeline-move').click();
  await cell(page, name, '16:00').and(page.locator('[data-state=mine]')).waitFor();

  // And by keys.
  await grid(page).focus();
  await page.keyboard.press('Home');
  for (let step = 0; step < 16; step += 1) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowLeft');
  await hand(page).getByText('15:30 – 16:30').waitFor();
  await page.getByTestId('timeline-move').click();
  await cell(page, name, '15:30').and(page.locator('[data-state=mine]')).waitFor();
  await hand(page).waitFor({ state: 'detached' });
  const { body } = await ask(page, 'GET', `/api/resources/${room.id}/schedule?from=${at('00:00')}&to=${at('23:00')}`);
  assert.deepEqual(body.items.map(({ start, end }) => [start, end]), [[at('15:30'), at('16:30')]]);
  await done(page);
});

test('ux 9: what another books colours its cells here within a second, and rows stay where they are', async () => {
  const name = unique('Live');
  const room = await makeResource(admin, { name });
  await makeResource(admin, { name: `${name} too` });
  const page = await openTimeline('Teacher A', name);
  const other = await openAs(browser, 'Teacher B');
  const order = () => grid(page).getByRole('rowheader').allInnerTexts();
  const before_it = await order();
  // Subscribed and warm: from here on it is a matter of the message.
  await book(other, room.id, '18:00', '19:00');
  await grid(page).getByRole('gridcell', { name: /18:30 –.*booked by Teacher B/ }).waitFor();
  const held = await ask(other, 'POST', '/api/holds', { resource: room.id, start: at('14:00'), end: at('15:00'), units: 1 });
  assert.equal(held.status, 201, JSON.stringify(held.body));
  const since = Date.now();
  await cell(page, name, '14:00').and(page.locator('[data-state=held]')).first().waitFor();
  assert.ok(Date.now() - since < 1_000, `${Date.now() - since} ms`);
  const booking = await book(other, room.id, '16:00', '17:00');
  await grid(page).getByRole('gridcell', { name: /16:30 –.*booked by Teacher B/ }).waitFor();
  assert.deepEqual(await order(), before_it);
  await ask(other, 'POST', `/api/bookings/${booking.id}/cancel`, {});
  await cell(page, `${name},`, '16:00').and(page.locator('[data-state=free]')).first().waitFor();
  for (const one of [page, other]) await done(one);
});

test('the overview says how much of each day is taken, and opens the day', async () => {
  const name = unique('Week');
  const room = await makeResource(admin, { name });
  await book(admin, room.id, '07:00', '14:00');
  const page = await openTimeline('Teacher A', name, '&span=overview');
  await grid(page).getByRole('gridcell', { name: /50 %$/ }).click();
  await page.waitForURL((url) => url.searchParams.get('date') === day && !url.searchParams.has('span'));
  await grid(page).getByRole('gridcell', { name: /9:00 –.*booked by Alex Rivera/ }).waitFor();
  await done(page);
});

test('ux 28: on a phone a list of one room says the same, and books', async () => {
  const name = unique('Phone');
  const room = await makeResource(admin, { name });
  await book(admin, room.id, '09:00', '10:00');
  const page = await openAs(browser, 'Teacher A', { address: `/?show=timeline&date=${day}&q=${encodeURIComponent(name)}`, viewport: { width: 320, height: 640 } });
  const list = page.getByTestId('timeline-list');
  await list.getByText('booked by Alex Rivera').waitFor();
  await assertAccessible(page, 'timeline list 320');
  await assertFingerSized(page, 'timeline list 320');
  await list.getByRole('button', { name: /Book 10:00 – 11:00: / }).click();
  await dialog(page).getByText('10:00 – 11:00').first().waitFor();
  await confirm(page);
  await toast(page, 'Room booked successfully').waitFor();
  await list.getByText('yours').first().waitFor();
  await shoot(page, 'timeline-phone');
  await done(page);
});

for (const [theme, more] of [['light', ''], ['dark', '&span=week&compact=1'], ['dark', '&span=overview']]) {
  test(`ux 27: the timeline is without an axe violation, ${theme} ${more}`, async () => {
    const page = await openTimeline('Teacher A', '', more, { colorScheme: theme });
    await page.waitForTimeout(800);
    await assertAccessible(page, `timeline ${theme}`);
    await shoot(page, `timeline-${theme}${more.replaceAll(/[^a-z]/g, '-')}`);
    await done(page);
  });
}
