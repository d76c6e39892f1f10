// How it looks where the system has a say: forced colours, no motion, and paper; and that nothing moves under the pointer by itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, byApi, card, cards, claim, closeAll, confirm, dialog, launch, makePerson, makeResource, openAs, quietDay, quietHour, shoot, stands, toast, unique } from './people.mjs';

let browser;
let root;
const day = quietDay(47);
const at = (clock) => `${day}T${clock}:00Z`;
before(async () => {
  browser = await launch();
  root = await byApi(browser, 'Alex Rivera');
});
after(() => browser?.close());

test('ux 27: in forced colours every button has an edge, the focus is seen, and states keep their words', async () => {
  const page = await openAs(browser, 'Teacher A', { address: quietHour(), forcedColors: 'active' });
  await cards(page).first().waitFor();
  assert.ok(await page.evaluate(() => matchMedia('(forced-colors: active)').matches));
  // What is told apart by its ground alone would be gone.
  const flat = await page.evaluate(() =>
    [...document.querySelectorAll('main button, header button')]
      .filter((one) => one.checkVisibility() && getComputedStyle(one).borderTopStyle === 'none' && one.matches('.mantine-Button-root'))
      .map((one) => one.textContent),
  );
  assert.deepEqual(flat, []);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, 'none');
  await cards(page).first().getByText('Free', { exact: true }).waitFor();
  await shoot(page, 'forced-colours');
  await page.goto(`${base}/?show=timeline&date=${day}`);
  await page.getByTestId('timeline-grid').getByRole('gridcell').first().waitFor();
  await shoot(page, 'forced-colours-timeline');
  await closeAll(page);
});

test('ux 27: where no motion is wanted nothing moves', async () => {
  const page = await openAs(browser, 'Teacher A', { address: quietHour(), reducedMotion: 'reduce' });
  await cards(page).first().waitFor();
  await claim(page, await cards(page).first().getAttribute('data-resource'));
  const moving = await page.evaluate(() =>
    document.getAnimations().filter((one) => one.playState === 'running' && Number(one.effect?.getComputedTiming().duration) > 50).map((one) => one.animationName ?? one.transitionProperty),
  );
  assert.deepEqual(moving, []);
  await closeAll(page);
});

/** What is on the paper of a page. */
const seen = async (page) =>
  page.evaluate(() => ({
    pressed: [...document.querySelectorAll('button, header, nav, input')].filter((one) => one.checkVisibility()).map((one) => one.textContent || one.tagName),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    words: document.body.innerText,
  }));

test('ux 30: a booking, a day and a list of the console fit on A4, with the time, the zone and the legend and nothing to press', async () => {
  const name = unique('Paper');
  const admin = await openAs(browser, 'Alex Rivera', { address: '/bookings' });
  const room = await makeResource(admin, { name, zone: 'Europe/Berlin' });
  const { body } = await ask(admin, 'POST', '/api/bookings', { lines: [{ resource: room.id, start: at('10:00'), end: at('11:00') }], title: 'On paper' });
  const print = async (address, ready, words, { most = 1, look = () => {} } = {}) => {
    await admin.emulateMedia({ media: 'screen' });
    await admin.setViewportSize({ width: 1280, height: 900 });
    await admin.goto(base + address);
    await ready();
    // The width of the page within its margins, at 96 dots an inch.
    await admin.setViewportSize({ width: 703, height: 1000 });
    await admin.emulateMedia({ media: 'print', colorScheme: 'dark' });
    // What is drawn for paper is drawn anew when the page learns that it is printed.
    await stands(admin);
    const told = await seen(admin);
    assert.deepEqual(told.pressed, [], address);
    assert.ok(told.wide <= 0, `${address} is ${told.wide} px too wide`);
    assert.ok(['rgba(0, 0, 0, 0)', 'rgb(255, 255, 255)'].includes(told.ground), told.ground);
    for (const word of words) assert.match(told.words, word, address);
    await look();
    // As the printer has it: sheets of A4, upright, in points; and no more of them than it needs.
    const pdf = (await admin.pdf({ preferCSSPageSize: true, printBackground: true })).toString('latin1');
    const sheets = [...pdf.matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)].map(([, width, height]) => [Math.round(Number(width)), Math.round(Number(height))]);
    assert.deepEqual(sheets, Array.from({ length: most }, () => [595, 842]), address);
    // And back on the screen it is what it was.
    await shoot(admin, `print-${address.replaceAll(/[^a-z]+/g, '-').slice(1, 12)}`);
  };
  await print(`/bookings/${body.booking.id}`, () => admin.getByText('On paper').first().waitFor(), [/On paper/, new RegExp(name), /CET, Berlin|Berlin/, /as of .* for Alex Rivera/]);
  const shown = () => admin.getByTestId('timeline-grid').getByRole('gridcell').first().waitFor();
  const papers = admin.getByTestId('timeline-paper');
  /** Every day of it has all of its hours, in the width of a page, in letters that can be read. */
  const days = (count) => async () => {
    const told = await papers.evaluateAll((all) =>
      all.map((one) => ({
        cells: one.querySelectorAll('[role=gridcell]').length,
        columns: Number(one.querySelector('[role=grid]').getAttribute('aria-colcount')) - 1,
        right: Math.max(...[...one.querySelectorAll('[role=gridcell]')].map((cell) => cell.getBoundingClientRect().right)),
        letters: Math.min(...[...one.querySelectorAll('b, h3, [role=columnheader]')].map((word) => Number.parseFloat(getComputedStyle(word).fontSize))),
        hours: one.innerText.match(/\d\d:00/g),
      })),
    );
    assert.equal(told.length, count);
    for (const { cells, columns, right, letters, hours } of told) {
      assert.deepEqual([cells, hours.length, hours.at(-1)], [columns, columns / 2, '20:00'], 'all of the day, not only what was in sight');
      assert.ok(right <= 703 && right > 680, `the last hour ends at ${right} px`);
      assert.ok(letters >= 10, `letters of ${letters} px`);
    }
  };
  const timeline = `/?show=timeline&date=${day}&q=${encodeURIComponent(name)}`;
  const says = [new RegExp(name), /Times are those of/, /Booked|booked/, /as of .* for Alex Rivera/];
  await print(timeline, shown, says, { look: days(1) });
  await print(`${timeline}&span=week`, shown, says, { look: days(7) });
  await print(`/admin?q=${encodeURIComponent(name)}`, () => admin.getByRole('cell', { name }).waitFor(), [new RegExp(name), /Kind/, /as of .* for Alex Rivera/]);
  await closeAll(admin);
});

test('nothing moves under the pointer when others act, when a hold of mine appears, or when I am told something', async () => {
  const name = unique('Still');
  const id = await root.make({ kind: 'room', name, zone: 'UTC', capacity: 1, seats: 5, policy: { hold_ttl_s: 60 } });
  const kim = await makePerson(root);
  const [ann, ben] = [await byApi(browser, kim), await byApi(browser, 'Teacher B')];
  await ann.post('/api/bookings', { lines: [{ resource: id, start: at('08:00'), end: at('09:00') }], title: 'Stands still' });
  const page = await openAs(browser, kim, { address: `/?date=${day}&from=10:00&to=11:00&q=${encodeURIComponent(name)}` });
  await card(page, id).getByTestId('claim-button').waitFor();
  const row = page.getByTestId('booking-row').filter({ hasText: name });
  await row.waitFor();
  await page.waitForTimeout(600);
  const places = () => page.evaluate(() => ['[data-testid=room-card] h3', '[data-testid=room-card] [data-testid=claim-button], [data-testid=room-card] button', '[data-testid=booking-row]', 'h2'].map((what) => document.querySelector(what)?.getBoundingClientRect().top));
  const stood = await places();
  await page.evaluate(() => {
    globalThis.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => { globalThis.shift += one.value; })).observe({ type: 'layout-shift', buffered: false });
  });
  // Another tab of mine holds; somebody else books another time; an admin tells me something.
  const held = (await ann.post('/api/holds', { resource: id, start: at('12:00'), end: at('13:00') })).hold;
  await page.getByTestId('hold-row').waitFor();
  await ben.post('/api/bookings', { lines: [{ resource: id, start: at('10:00'), end: at('11:00') }] });
  await card(page, id).getByText('Taken', { exact: true }).waitFor();
  await root.post(`/api/holds/${held.id}/end`, { reason: 'A leak' });
  await page.getByTestId('hold-row').waitFor({ state: 'detached' });
  await page.waitForTimeout(500);
  const after_all = await places();
  assert.deepEqual([after_all[0], after_all[2]], [stood[0], stood[2]], 'the card and my booking are where they were');
  const shift = await page.evaluate(() => globalThis.shift);
  assert.ok(shift < 0.02, `layout shift ${shift}`);
  await closeAll(page, ann, ben);
});

test('after a claim the focus comes back to its card, though the list has changed meanwhile', async () => {
  const page = await openAs(browser, 'Teacher A', { address: quietHour() });
  await cards(page).first().waitFor();
  const id = await cards(page).first().getAttribute('data-resource');
  await card(page, id).getByTestId('claim-button').focus();
  await page.keyboard.press('Enter');
  await dialog(page).getByTestId('confirm-button').waitFor();
  await confirm(page);
  await toast(page, 'Room booked successfully').waitFor();
  await dialog(page).waitFor({ state: 'detached' });
  await page.waitForFunction((resource) => document.activeElement?.closest(`[data-resource="${resource}"]`), id);
  await closeAll(page);
});
