// Finding: counts on filters, words, the address that keeps them, and the other times that a refusal offers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, cards, claim, confirm, dialog, firstCommonRoom, launch, openAs, panel, quietHour, sees, shoot, toast } from './people.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const status = (page) => page.locator('section[aria-labelledby=results] [role=status]');
const settled = (page) => page.locator('section[aria-labelledby=results][aria-busy=false]').waitFor();
const path = (url) => url.pathname + url.search;
const chips = (page, group) => page.getByRole('group', { name: group }).getByRole('checkbox');

test('ux 2: filters say how many rooms each would leave, and the address keeps them', async () => {
  const page = await openAs(browser, 'Teacher A', { address: `${quietHour()}&all=1` });
  await cards(page).first().waitFor();
  await page.getByRole('button', { name: /More filters/ }).click();
  const building = page.getByRole('group', { name: 'Building' });
  const first = building.locator('label').first();
  const [, name, count] = await sees(() => first.innerText(), (told) => told.match(/^(.*?)\s*\((\d+)\)$/) ?? assert.fail(told));
  await first.click();
  await page.waitForURL((url) => url.searchParams.getAll('building').length === 1);
  await page.waitForFunction((total) => document.querySelector('section[aria-labelledby=results] [role=status]')?.textContent?.includes(`of ${total} `), count);
  assert.equal(new URL(page.url()).searchParams.get('building'), name);
  await sees(() => cards(page).allInnerTexts(), (texts) => texts.forEach((text) => assert.ok(text.includes(name), text)));

  // A second building is one more way to match, and its count is told while the first is chosen.
  const second = building.locator('label').nth(1);
  const more = Number((await second.innerText()).match(/\((\d+)\)$/)[1]);
  assert.ok(more > 0);
  await second.click();
  await page.waitForFunction((total) => document.querySelector('section[aria-labelledby=results] [role=status]')?.textContent?.includes(`of ${total} `), String(Number(count) + more));
  await shoot(page, 'find-two-buildings');

  // Equipment must all be there: its count is what is left of these buildings.
  const equipment = page.getByRole('group', { name: 'Equipment' }).locator('label').first();
  const left = (await equipment.innerText()).match(/\((\d+)\)$/)[1];
  await equipment.click();
  await page.waitForFunction((total) => document.querySelector('section[aria-labelledby=results] [role=status]')?.textContent?.includes(`of ${total} `), left);

  await page.getByLabel('Order').selectOption('name');
  await page.waitForURL((url) => url.searchParams.get('sort') === 'name');
  await settled(page);
  const names = await cards(page).getByRole('heading').allInnerTexts();
  assert.deepEqual(names, names.toSorted());
  const said = await status(page).innerText();
  await page.reload();
  await cards(page).first().waitFor();
  await settled(page);
  await sees(() => status(page).innerText(), (told) => assert.equal(told, said));
  await sees(() => chips(page, 'Building').and(page.locator(':checked')).count(), (chosen) => assert.equal(chosen, 2));

  // With the keyboard alone: the chips are one press each.
  await chips(page, 'Building').first().focus();
  await page.keyboard.press('Space');
  await page.waitForURL((url) => url.searchParams.getAll('building').length === 1);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.waitForURL((url) => !url.searchParams.has('building') && !url.searchParams.has('equipment'));
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('words find by their beginnings, in any order', async () => {
  const page = await openAs(browser, 'Teacher A', { address: `${quietHour()}&all=1` });
  await cards(page).first().waitFor();
  const one = await cards(page).first().getByRole('heading').innerText();
  const words = one.toUpperCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean).toReversed().map((word) => word.slice(0, 4));
  await page.getByRole('button', { name: /More filters/ }).click();
  await page.getByLabel('Search', { exact: true }).fill(words.join(' '));
  await page.waitForURL((url) => url.searchParams.get('q') === words.join(' '));
  await settled(page);
  await cards(page).getByRole('heading', { name: one, exact: true }).waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('the first free hour of a day is told on each card, and is what is booked', async () => {
  const page = await openAs(browser, 'Teacher A', { address: quietHour() });
  await cards(page).first().waitFor();
  await page.getByRole('button', { name: /More filters/ }).click();
  await page.getByLabel('How long').selectOption({ label: 'First free 60 min' });
  await page.waitForURL((url) => url.searchParams.get('length') === '60');
  for (const [label, clock] of [['From', '08:00'], ['To', '20:00']]) await sees(() => page.getByLabel(label, { exact: true }).inputValue(), (value) => assert.equal(value, clock));
  const first = page.getByTestId('card-time').first();
  await first.waitFor();
  await settled(page);
  await page.getByText(/First free 60 min of .* 8:00 – 20:00/).waitFor();
  await shoot(page, 'first-free');
  const time = (await first.innerText()).trim();
  const [start, end] = time.split(' – ').map((clock) => Number(clock.split(':')[0]) * 60 + Number(clock.split(':')[1]));
  assert.equal(end - start, 60, time);
  assert.ok(start >= 8 * 60 && end <= 20 * 60, time);
  await claim(page, await cards(page).first().getAttribute('data-resource'));
  await dialog(page).getByText(time).first().waitFor();
  await confirm(page);
  await toast(page, 'Room booked successfully').filter({ hasText: time }).waitFor();
  // The next search has the hour after it, or another room.
  await page.reload();
  await first.waitFor();
  assert.equal(await page.getByLabel('How long').inputValue(), '60');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('who is refused takes the same room at another time, or for less, in one click', async () => {
  const address = new URL(quietHour(), base);
  const hour = address.searchParams.get('from').slice(0, 2);
  const later = new URL(address);
  later.searchParams.set('from', `${hour}:30`);
  later.searchParams.set('to', `${String(Number(hour) + 1).padStart(2, '0')}:30`);
  const [a, b] = await Promise.all([openAs(browser, 'Teacher A', { address: path(later) }), openAs(browser, 'Teacher B', { address: path(address) })]);
  const room = await firstCommonRoom(a, b);
  await claim(b, room.id);
  await dialog(b).getByLabel('Title').fill('Whenever it is free');
  await claim(a, room.id);
  await confirm(a);
  await toast(a, 'Room booked successfully').waitFor();

  await confirm(b);
  await panel(b).getByRole('heading', { name: 'This room at another time' }).waitFor();
  const shorter = panel(b).locator('[data-testid=alternative][data-why=shorter]');
  const [start, end] = [await shorter.getAttribute('data-start'), await shorter.getAttribute('data-end')];
  assert.equal(new Date(end) - new Date(start), 30 * 60_000, 'the half hour before the other booking');
  await shoot(b, 'alternatives-other-times');

  const other = panel(b).locator('[data-testid=alternative][data-why=other_time]').first();
  assert.equal(await other.getAttribute('data-resource'), room.id);
  const when = (await other.locator('span span').first().innerText()).trim();
  await other.getByRole('button', { name: `Claim ${room.name} instead: ${when}` }).click();
  await panel(b).waitFor({ state: 'detached' });
  assert.equal(await dialog(b).getByLabel('Title').inputValue(), 'Whenever it is free');
  await dialog(b).getByText(when).first().waitFor();
  await confirm(b);
  await toast(b, 'Room booked successfully').filter({ hasText: when }).waitFor();
  for (const page of [a, b]) assert.deepEqual(page.problems, []);
  await Promise.all([a, b].map((page) => page.context().close()));
});
