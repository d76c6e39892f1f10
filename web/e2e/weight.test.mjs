// What the first load weighs, as it goes over the line; and that nothing moves under the pointer while changes pour in.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { byApi, cards, dayIn, launch, makeClass, openAs, unique } from './people.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const script_max_bytes = 200 * 1024;

test('the scripts of the first load are at most 200 KiB, compressed', async () => {
  const page = await openAs(browser, 'Teacher A');
  await cards(page).first().waitFor();
  const cold = await browser.newContext({ storageState: await page.context().storageState() });
  const first = await cold.newPage();
  const session = await cold.newCDPSession(first);
  const scripts = new Map();
  const sizes = new Map();
  await session.send('Network.enable');
  session.on('Network.responseReceived', ({ requestId, type, response }) => type === 'Script' && scripts.set(requestId, response.url));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
  await first.goto(page.url());
  await cards(first).first().waitFor();
  const told = [...scripts].map(([id, url]) => [url.split('/').at(-1), sizes.get(id) ?? 0]).toSorted((a, b) => b[1] - a[1]);
  const total = told.reduce((sum, [, size]) => sum + size, 0);
  console.log(`first load: ${(total / 1024).toFixed(1)} KiB of scripts in ${told.length} files`);
  assert.ok(total <= script_max_bytes, `${total} bytes: ${told.map(([name, size]) => `${name} ${size}`).join(', ')}`);
  await Promise.all([cold.close(), page.context().close()]);
});

/** Everything that moves without anybody having touched the page, as the browser counts it. */
const watchShift = () => {
  window.shifted = 0;
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      window.shifted += entry.value;
      window.shifts.push([entry.value.toFixed(4), ...entry.sources.map(({ node }) => (node?.nodeType === 1 ? `${node.tagName}.${String(node.className)}` : node?.parentElement?.className))].join(' '));
    }
  }).observe({ type: 'layout-shift', buffered: true });
};

/** Sends so many changes a second for so long, each decided by the server. */
async function pour(person, each, { per_second = 50, seconds = 12 } = {}) {
  const began = performance.now();
  let sent = 0;
  const open = new Set();
  while (performance.now() - began < seconds * 1000) {
    const due = Math.min(Math.floor(((performance.now() - began) / 1000) * per_second), per_second * seconds);
    for (; sent < due; sent += 1) {
      const one = each(sent).catch(() => {}).finally(() => open.delete(one));
      open.add(one);
    }
    await new Promise((next) => setTimeout(next, 20));
  }
  await Promise.all(open);
  return sent;
}

test('ux 16: under 50 changes a second rooms and classes change in place: nothing moves, nothing is reordered', async () => {
  const [admin, mia] = [await byApi(browser, 'Alex Rivera'), await byApi(browser, 'Mia Novak')];
  const page = await openAs(browser, 'Teacher A', { address: `/?date=${dayIn(9)}&from=06:00&to=07:00&all=1` });
  await cards(page).first().waitFor();
  const order = () => cards(page).evaluateAll((all) => all.map((one) => one.dataset.resource));
  const sorted = await order();
  const rooms = new Set(sorted.slice(0, 12));
  const items = (await mia.get(`/api/search?start=${dayIn(9)}T06:00&end=${dayIn(9)}T07:00&kind=room&units=1&limit=50`)).items.filter((one) => one.free && rooms.has(one.resource.id));
  await page.waitForTimeout(500);
  await page.evaluate(watchShift);
  await page.evaluate(() => ((window.shifted = 0), (window.shifts = [])));
  const held = new Map();
  const sent = await pour(mia, async (count) => {
    const { resource, start, end } = items[count % items.length];
    const old = held.get(resource.id);
    held.delete(resource.id);
    if (old) await mia.post(`/api/bookings/${old}/cancel`);
    else held.set(resource.id, (await mia.post('/api/bookings', { lines: [{ resource: resource.id, start, end, units: 1 }] })).booking.id);
  });
  assert.deepEqual(await order(), sorted);
  const find = await page.evaluate(() => ({ shifted: window.shifted, shifts: window.shifts }));
  console.log(`find: ${sent} changes asked for, layout shift ${find.shifted.toFixed(4)}`);
  assert.ok(find.shifted < 0.02, `${find.shifted}\n${find.shifts.join('\n')}`);

  const yoga = await makeClass(admin, { capacity: 30, name: unique('Rush') });
  await page.goto(new URL(yoga.address, page.url()).href);
  await page.getByTestId('class-row').first().waitFor();
  await page.waitForTimeout(800);
  await page.evaluate(watchShift);
  await page.evaluate(() => ((window.shifted = 0), (window.shifts = [])));
  const mine = [];
  await pour(mia, async () => {
    if (mine.length > 20) await mia.post(`/api/bookings/${mine.shift()}/cancel`);
    else mine.push((await mia.post('/api/bookings', { lines: [{ resource: yoga.id }] })).booking.id);
  }, { seconds: 6 });
  const classes = await page.evaluate(() => ({ shifted: window.shifted, shifts: window.shifts }));
  console.log(`classes: layout shift ${classes.shifted.toFixed(4)}`);
  assert.ok(classes.shifted < 0.02, `${classes.shifted}\n${classes.shifts.join('\n')}`);
  await page.context().close();
});
