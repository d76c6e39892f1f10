// Photographs every screen, wide and narrow, into docs/images/screens: small, and made anew by one command against a demo.
// Changes nothing but what looking at a dialog changes: a hold that is given back.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const base = process.env.SLOTWISE_URL ?? 'http://127.0.0.1:8080';
const folder = fileURLToPath(new URL('../../docs/images/screens', import.meta.url));
/** Wide pictures are shown at half a page's width: more dots than these are not seen. */
const wide_px = 900;
const wait_ms = 60_000;

/** Name, who looks, address, and what is done there before the picture. */
const screens = [
  ['sign-in', null, '/'],
  ['find', 'Teacher A', '/'],
  ['not-free', 'Teacher A', '/?all=1&people=60'],
  ['claim', 'Teacher A', '/?q=Focus%20Room', (page) => page.getByTestId('claim-button').first().click()],
  ['timeline', 'Teacher A', '/?show=timeline'],
  ['bookings', 'Mia Novak', '/bookings'],
  ['courses', 'Sam Ito', '/courses?subject=MATH'],
  ['classes', 'Mia Novak', '/classes'],
  ['board', 'Teacher A', '/board'],
  ['profile', 'Teacher A', '/profile'],
  ['console-manager', 'Dana Osei', '/admin'],
  ['console-resource', 'Dana Osei', '/admin', async (page) => {
    await page.getByRole('link', { name: 'Focus Room' }).click();
    await page.getByRole('heading', { name: 'Focus Room', level: 1 }).waitFor();
  }],
  ['console-requests', 'Dana Osei', '/admin/approvals'],
  ['console-override', 'Alex Rivera', '/admin/override'],
  ['console-people', 'Alex Rivera', '/admin/people'],
  ['console-access', 'Alex Rivera', '/admin/people?q=Dana', async (page) => {
    await page.getByRole('button', { name: 'Access: Dana Osei' }).click();
    await page.getByTestId('access').getByRole('heading', { name: 'Coming in' }).waitFor();
  }],
  ['console-tables', 'Alex Rivera', '/admin/bulk'],
  ['console-record', 'Lin Zhao', '/admin/audit'],
];
/** Those that are named, or all. */
const wanted = process.argv.slice(2);
const taken = screens.filter(([name]) => wanted.length === 0 || wanted.includes(name));

const browser = await chromium.launch({ executablePath: process.env.SLOTWISE_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
mkdirSync(folder, { recursive: true });
const encoder = await browser.newPage();
let bytes = 0;

for (const [width, height] of [[1280, 860], [360, 720]]) {
  const known = new Map();
  for (const [name, person, address, prepare] of taken) {
    const page = known.get(person) ?? (await open(person, { width, height }));
    known.set(person, page);
    await page.goto(base + address);
    await page.locator('main, [data-testid=person-card]').first().waitFor();
    await page.waitForFunction(() => !document.querySelector('[data-testid=loading], .mantine-Skeleton-root'));
    await prepare?.(page);
    await page.waitForTimeout(700);
    const picture = await small(await page.screenshot(), Math.min(width, wide_px));
    bytes += picture.length;
    writeFileSync(`${folder}/${name}-${width}.webp`, picture);
  }
  for (const page of known.values()) await page.context().close();
}
await browser.close();
console.log(`${2 * taken.length} pictures, ${Math.round(bytes / 1024)} KiB, in docs/images/screens`);

async function open(person, viewport) {
  const context = await browser.newContext({ viewport, locale: 'en-GB', timezoneId: 'America/Los_Angeles', reducedMotion: 'reduce', colorScheme: 'light', hasTouch: viewport.width < 700 });
  const page = await context.newPage();
  page.setDefaultTimeout(wait_ms);
  await page.goto(base);
  if (person === null) return page;
  await page.getByTestId('person-card').filter({ hasText: person }).first().click();
  await page.locator('[data-testid=connection-state][data-state=live]').waitFor();
  return page;
}

/** As WebP, no wider than so many dots: the browser encodes it. */
async function small(png, width) {
  const encoded = await encoder.evaluate(
    async ([source, most]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${source}`;
      await image.decode();
      const scale = Math.min(1, most / image.width);
      const canvas = Object.assign(document.createElement('canvas'), { width: Math.round(image.width * scale), height: Math.round(image.height * scale) });
      const ink = canvas.getContext('2d');
      ink.imageSmoothingQuality = 'high';
      ink.drawImage(image, 0, 0, canvas.width, canvas.height);
      return canvas.toDataURL('image/webp', 0.82).split(',')[1];
    },
    [png.toString('base64'), width],
  );
  return Buffer.from(encoded, 'base64');
}
