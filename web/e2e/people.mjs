// People in browsers: opens a browser context per person against a running demo server, and says what they can do.
// Asserts nothing of a screen by itself.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const base = process.env.SLOTWISE_URL ?? 'http://127.0.0.1:8080';
const screens = fileURLToPath(new URL('../../artefacts/screens', import.meta.url));

export function launch() {
  return chromium.launch({
    executablePath: process.env.SLOTWISE_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
}

/** Comes in without the entrance, which `access.test.mjs` goes through. A name is one of those to choose from. */
async function comeIn({ request }, who) {
  let person = who.id;
  if (!person) {
    const { items } = await (await request.get(`${base}/api/demo/people`)).json();
    person = items.find((one) => one.name.includes(who)).id;
  }
  const answer = await request.post(`${base}/api/demo/sign-in`, { data: { person } });
  assert.ok(answer.ok(), `${answer.status()} for ${JSON.stringify(who)}`);
}

/** A context of its own: its cookies are nobody else's. `who` is a name of the demo, or somebody made by `makePerson`. */
export async function openAs(browser, who, { address = '/', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    // A refusal is an answer; the browser reports its status all the same.
    if (message.type() === 'error' && !message.text().includes('Failed to load resource')) page.problems.push(message.text());
  });
  await comeIn(context, who);
  await page.goto(base + address);
  await live(page);
  return page;
}

/** Somebody whom no other test knows: what they are told and what they chose is theirs alone. */
export async function makePerson(admin) {
  const name = unique('Kim');
  await admin.post('/api/people/import', { csv: `external_id,name\n${name},${name}\n` });
  return (await admin.get(`/api/people?q=${encodeURIComponent(name)}`)).items[0];
}

/** Waits until a page stands: nothing is being read, and for a moment nothing has changed. What ticks by itself is not waited for. */
export async function stands(page) {
  await page.evaluate(
    ({ quiet_ms, most_ms }) =>
      new Promise((go) => {
        const began = performance.now();
        let changed = began;
        const watch = new MutationObserver(() => {
          changed = performance.now();
        });
        watch.observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
        const look = setInterval(() => {
          const now = performance.now();
          const reading = document.querySelector('[data-testid=loading], [aria-busy=true], .mantine-Skeleton-root, .mantine-Loader-root');
          const moving = document.getAnimations().some((one) => one.playState === 'running' && one.effect?.getComputedTiming().iterations !== Infinity);
          if (now - began < most_ms && (reading || moving || now - changed < quiet_ms)) return;
          clearInterval(look);
          watch.disconnect();
          go();
        }, 25);
      }),
    { quiet_ms: 120, most_ms: 5_000 },
  );
}

export async function live(page) {
  await page.locator('[data-testid=connection-state][data-state=live]').waitFor();
}

export const cards = (page) => page.getByTestId('room-card');
export const card = (page, resource) => page.locator(`[data-testid=room-card][data-resource="${resource}"]`);
export const dialog = (page) => page.getByTestId('claim-dialog');
export const panel = (page) => page.getByTestId('conflict-panel');
export const bookings = (page) => page.getByTestId('my-bookings');

/** The first room that both see as free and that is held at confirm, as the source document has it. */
export async function firstCommonRoom(one, other) {
  const ids = (page) => cards(page).evaluateAll((all) => all.filter((room) => room.dataset.holdAt === 'confirm').map((room) => room.dataset.resource));
  await cards(one).first().waitFor();
  await cards(other).first().waitFor();
  const theirs = new Set(await ids(other));
  const id = (await ids(one)).find((room) => theirs.has(room));
  return { id, name: await card(one, id).getByRole('heading').innerText() };
}

export async function claim(page, resource) {
  await card(page, resource).getByTestId('claim-button').click();
  await dialog(page).getByTestId('confirm-button').waitFor();
}

export async function confirm(page) {
  await dialog(page).getByTestId('confirm-button').click();
}

export function toast(page, words) {
  return page.getByRole('alert').filter({ hasText: words });
}

const two = (number) => String(number).padStart(2, '0');

/** An hour on a working day that no other run is likely to use, so that runs on one server do not meet. */
export function quietHour() {
  const day = new Date();
  day.setUTCDate(day.getUTCDate() + 3 + Math.floor(Math.random() * 24));
  while ([0, 6].includes(day.getUTCDay())) day.setUTCDate(day.getUTCDate() + 1);
  const hour = 9 + Math.floor(Math.random() * 8);
  return `/?date=${day.toISOString().slice(0, 10)}&from=${two(hour)}:00&to=${two(hour + 1)}:00`;
}

/** A picture of what a test looks at, where they are wanted: a hundred of them take a while. */
export async function shoot(page, name) {
  if (!process.env.SLOTWISE_SCREENS) return;
  mkdirSync(screens, { recursive: true });
  await page.screenshot({ path: `${screens}/${name}.png` });
}

/** A UUIDv7, which names an attempt. */
export function freshKey() {
  const millis = Date.now().toString(16).padStart(12, '0');
  const rest = randomBytes(10).toString('hex');
  return `${millis.slice(0, 8)}-${millis.slice(8)}-7${rest.slice(1, 4)}-8${rest.slice(5, 8)}-${rest.slice(8, 20)}`;
}

/** Somebody who only speaks to the API: what is to be there before a screen is looked at, or what others do meanwhile. */
export async function byApi(browser, who) {
  const context = await browser.newContext();
  await comeIn(context, who);
  const call = async (method, path, data, headers = {}) => {
    const answer = await context.request.fetch(base + path, { method, ...(data === undefined ? {} : { data }), headers: { 'Idempotency-Key': freshKey(), ...headers } });
    const text = await answer.text();
    if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  return {
    get: (path) => call('GET', path),
    post: (path, data = {}) => call('POST', path, data),
    put: (path, data, headers) => call('PUT', path, data, headers),
    patch: (path, data) => call('PATCH', path, data),
    make: async (what) => (await call('POST', '/api/resources', what)).resource.id,
    close: () => context.close(),
  };
}

/** Goes on reading until what is read passes, as a person would go on looking; else fails by what was read last. */
export async function sees(read, check, within_ms = 10_000) {
  const until = Date.now() + within_ms;
  for (;;) {
    const found = await read();
    try {
      return check(found);
    } catch (wrong) {
      if (Date.now() > until) throw wrong;
    }
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** Waits until something says what it is to say. */
export const says = (found, words) => sees(() => found.innerText(), (told) => assert.match(told, words));

/** Unlike what any other run on the same server made. */
export const unique = (word) => `${word} ${randomBytes(3).toString('hex')}`;

/** The day so many days from now, in UTC. */
export const dayIn = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** A studio with one class of so many places. */
export async function makeClass(admin, { capacity = 1, policy = {}, day = dayIn(2), from = '09:00', to = '10:00', name = unique('Yoga') } = {}) {
  const studio = await admin.make({ kind: 'group', name: unique('Studio'), zone: 'Europe/Berlin', policy: { hold_at: 'none', waitlist: { mode: 'offer', offer_ttl_s: 600 }, ...policy } });
  const id = await admin.make({ kind: 'session', name, zone: 'Europe/Berlin', capacity, group: studio, interval: { start: `${day}T${from}`, end: `${day}T${to}` } });
  return { id, name, day, studio, address: `/classes?day=${day}&q=${encodeURIComponent(name)}` };
}

/** A term with the sections of one course; each is [number of seats, days, hour, policy]. */
export async function makeCourse(admin, sections, { policy = {} } = {}) {
  const term = await admin.make({ kind: 'group', name: unique('Term'), zone: 'America/Los_Angeles', policy: { hold_at: 'none', waitlist: { mode: 'book', fill: 'skip' }, book_by: { elapsed_s: 0 }, cancel_by: { elapsed_s: 0 }, ...policy } });
  const subject = randomBytes(2).toString('hex').toUpperCase();
  const made = [];
  for (const [index, [capacity, days, hour, own = {}, number = '1']] of sections.entries()) {
    const section = String(index + 1).padStart(3, '0');
    const name = `${subject} ${number} ${section}`;
    const id = await admin.make({
      kind: 'section', name, zone: 'America/Los_Angeles', group: term, capacity, policy: own,
      interval: { start: '2027-01-04T00:00', end: '2027-03-20T00:00' },
      course: { subject, number, section, title: `Course ${number}`, part: 'lecture', credits: 4, meetings: [{ days, from: `${hour}:00`, to: `${hour}:50`, first: '2027-01-04', last: '2027-03-19' }] },
    });
    made.push({ id, name, section });
  }
  return { term, subject, sections: made, address: `/courses?subject=${subject}` };
}

/** Closes what was opened, and says that nothing went wrong in it. */
export async function closeAll(...pages) {
  for (const page of pages) {
    if (page.problems?.length) throw new Error(page.problems.join('\n'));
    await (page.context?.() ?? page).close();
  }
}

/** Asks the server in the name of whoever is signed in on a page, and says what it answered, whatever it is. */
export async function ask(page, method, path, data, version) {
  const headers = { 'Idempotency-Key': freshKey(), ...(version === undefined ? {} : { 'If-Match': `"${version}"` }) };
  const answer = await page.context().request.fetch(base + path, { method, headers, ...(data === undefined ? {} : { data }) });
  return { status: answer.status(), body: await answer.json().catch(() => null) };
}

/** Makes a resource in an admin's name; returns it. */
export async function makeResource(admin, fields) {
  const { status, body } = await ask(admin, 'POST', '/api/resources', { kind: 'room', zone: 'UTC', capacity: 1, ...fields });
  if (status !== 201) throw new Error(`no resource was made: ${JSON.stringify(body)}`);
  return body.resource;
}

/** A working day some weeks ahead, as 2026-12-24. */
export function quietDay(ahead = 40) {
  const day = new Date(Date.now() + ahead * 86_400_000);
  while ([0, 6].includes(day.getUTCDay())) day.setUTCDate(day.getUTCDate() + 1);
  return day.toISOString().slice(0, 10);
}
