// People in browsers: opens a browser context per person against a running demo server, and says what they can do.
// Asserts nothing by itself.
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

/** A context of its own: its cookies are nobody else's. */
export async function openAs(browser, name, { address = '/', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    // A refusal is an answer; the browser reports its status all the same.
    if (message.type() === 'error' && !message.text().includes('Failed to load resource')) page.problems.push(message.text());
  });
  await page.goto(base + address);
  await page.getByTestId('person-card').filter({ hasText: name }).first().click();
  await live(page);
  return page;
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

export async function shoot(page, name) {
  mkdirSync(screens, { recursive: true });
  await page.screenshot({ path: `${screens}/${name}.png` });
}

/** Asks the server in the name of whoever is signed in on a page; a change gets a key of its own. */
export async function ask(page, method, path, body, ifMatch) {
  return page.evaluate(
    async ([how, where, sent, version]) => {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      const now = Date.now();
      for (let at = 0; at < 6; at += 1) bytes[at] = Math.floor(now / 2 ** (8 * (5 - at))) % 256;
      bytes[6] = 0x70 | (bytes[6] & 0x0f);
      bytes[8] = 0x80 | (bytes[8] & 0x3f);
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
      const key = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
      const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key, ...(version === undefined ? {} : { 'If-Match': `"${version}"` }) };
      const answer = await fetch(where, sent === undefined ? { method: how, headers } : { method: how, headers, body: JSON.stringify(sent) });
      return { status: answer.status, body: await answer.json().catch(() => null) };
    },
    [method, path, body, ifMatch],
  );
}

let made = 0;

/** A name that no other run has used. */
export function freshName(word) {
  made += 1;
  return `${word} ${Date.now().toString(36)}${made}`;
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
