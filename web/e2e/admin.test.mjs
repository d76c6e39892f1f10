// The console in a real browser: edits that meet, capacity, blocks, tables, requests, override, people, and the record of all of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { assertAccessible, assertAccessibleInBothThemes, assertFingerSized } from './access.mjs';
import { ask, base, unique, launch, makeResource, openAs, quietDay, says, sees, shoot, stands } from './people.mjs';

let browser;
let root;
let ann;
const day = quietDay(50);
const at = (clock) => `${day}T${clock}:00Z`;
const reason = (scope) => scope.getByLabel('Reason in words');

before(async () => {
  browser = await launch();
  root = await openAs(browser, 'Alex Rivera', { address: '/admin' });
  ann = await openAs(browser, 'Teacher A');
});
after(() => browser?.close());

async function openAdmin(path, options = {}) {
  const page = await openAs(browser, 'Alex Rivera', { address: `/admin${path}`, ...options });
  await page.getByRole('navigation', { name: 'Admin' }).waitFor();
  // All resources, or all of the record, are read now and then.
  page.setDefaultTimeout(30_000);
  return page;
}

async function book(page, resource, start, end, more = {}) {
  const { status, body } = await ask(page, 'POST', '/api/bookings', { lines: [{ resource, start: at(start), end: at(end), ...(more.units ? { units: more.units } : {}) }], ...(more.title ? { title: more.title } : {}) });
  assert.equal(status, 201, JSON.stringify(body));
  return body.booking;
}

async function pick(scope, label, name) {
  await scope.getByRole('combobox', { name: label }).fill(name);
  await scope.getByRole('option', { name: new RegExp(name) }).first().click();
}

async function done(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

test('a resource is made, edited by its difference, taken out of service and put in again', async () => {
  const name = unique('Made');
  const page = await openAdmin('');
  await page.getByRole('button', { name: 'New resource' }).click();
  const sheet = page.getByTestId('new-resource');
  await sheet.getByLabel('Name').fill(name);
  await sheet.getByLabel('Time zone').fill('Europe/Berlin');
  await sheet.getByTestId('make-resource').click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  await page.getByLabel('Seats').fill('12');
  await page.getByLabel('Opening hours').fill('mo-fr 08:00-20:00');
  await page.getByTestId('diff').locator('[data-field=opening_hours]').getByText('mo-fr 08:00-20:00').waitFor();
  await sees(() => page.getByTestId('diff').locator('li').count(), (count) => assert.equal(count, 2));
  await page.getByTestId('save').click();
  await page.getByText('Saved.').first().waitFor();
  await page.getByRole('button', { name: 'Take out of service' }).click();
  const act = page.getByRole('dialog').getByRole('button', { name: `Take ${name} out of service` });
  assert.equal(await act.getAttribute('aria-disabled'), 'true', 'not without a reason');
  await page.getByRole('dialog').getByLabel('Reason', { exact: true }).selectOption({ label: 'Maintenance' });
  await act.click();
  await page.getByRole('button', { name: 'Put in service' }).waitFor();
  await done(page);
});

test('ux 25: who saves over a newer edit chooses field by field, and nothing of theirs is lost', async () => {
  const room = await makeResource(root, { name: unique('Merge'), seats: 24, building: 'North' });
  const page = await openAdmin(`/resources/${room.id}`);
  await page.getByLabel('Seats').fill('18');
  await page.getByLabel('Equipment').fill('piano');
  const theirs = await ask(root, 'PATCH', `/api/resources/${room.id}`, { seats: 20, building: 'South' }, 1);
  assert.equal(theirs.status, 200, JSON.stringify(theirs.body));
  await page.getByTestId('save').click();
  const merge = page.getByTestId('merge');
  await merge.waitFor();
  const seats = merge.locator('[data-field=seats]');
  await seats.getByText('Yours: 18').waitFor();
  await seats.getByText('Theirs: 20').waitFor();
  assert.equal(await merge.locator('[data-field]').count(), 1, 'the other fields fit together');
  assert.equal(await page.getByTestId('save-merged').getAttribute('aria-disabled'), 'true');
  await assertAccessible(page, 'merge');
  await shoot(page, 'admin-merge');
  await seats.getByText('Theirs: 20').click();
  await page.getByTestId('save-merged').click();
  await merge.waitFor({ state: 'detached' });
  const { body } = await ask(root, 'GET', `/api/resources/${room.id}`);
  assert.deepEqual([body.seats, body.building, body.equipment], [20, 'South', ['piano']]);
  await done(page);
});

test('ux 25: a lower capacity is seen first with the bookings above it; a stale save is refused, then made anew', async () => {
  const hall = await makeResource(root, { name: unique('Hall'), capacity: 24 });
  for (const title of ['First', 'Second', 'Third']) await book(ann, hall.id, '10:00', '11:00', { units: 7, title });
  const page = await openAdmin(`/resources/${hall.id}`);
  const capacity = page.getByTestId('capacity');
  await capacity.getByLabel('New capacity').fill('6');
  await capacity.getByRole('button', { name: 'See what it means' }).click();
  const seen = page.getByTestId('capacity-preview');
  await seen.getByText('24', { exact: true }).waitFor();
  await seen.getByText('3 bookings are above the new capacity').waitFor();
  assert.equal(await seen.getByTestId('affected').locator('> li').count(), 3);
  assert.equal(await page.getByTestId('capacity-save').getAttribute('aria-disabled'), 'true', 'not without a reason');
  await reason(seen).fill('Half of it is closed.');
  await assertAccessible(page, 'capacity preview');
  await shoot(page, 'admin-capacity');
  // Meanwhile somebody edits it.
  const edit = await ask(root, 'PATCH', `/api/resources/${hall.id}`, { seats: 80 }, 1);
  assert.equal(edit.status, 200);
  await page.getByTestId('capacity-save').click();
  await seen.getByText('Look again at what it would mean now').waitFor();
  await seen.getByRole('button', { name: 'See what it means' }).click();
  await page.getByTestId('capacity-save').and(page.locator('[aria-disabled=false]')).click();
  await seen.waitFor({ state: 'detached' });
  const kept = await ask(root, 'GET', `/api/resources/${hall.id}`);
  assert.deepEqual([kept.body.capacity, kept.body.over_commit], [6, 15]);

  // The newest goes where that is chosen, and its owner is told why.
  await capacity.getByLabel('New capacity').fill('5');
  await capacity.getByRole('button', { name: 'See what it means' }).click();
  await seen.getByText(/^Displace/).click();
  await reason(seen).fill('More of it is closed.');
  await seen.getByRole('button', { name: 'Save and displace 3 bookings' }).click();
  await seen.waitFor({ state: 'detached' });
  const { body } = await ask(ann, 'GET', `/api/bookings?owner=me&state=displaced&resource=${hall.id}`);
  assert.deepEqual(body.items.map(({ state_reason }) => state_reason), Array.from({ length: 3 }, () => 'More of it is closed.'));
  await done(page);
});

test('a block is seen before, spares who is excepted, and is removed', async () => {
  const room = await makeResource(root, { name: unique('Block') });
  await book(ann, room.id, '10:00', '11:00', { title: 'Lecture' });
  const page = await openAdmin(`/resources/${room.id}`);
  const blocks = page.getByTestId('blocks');
  await blocks.getByLabel('From').fill(`${day}T09:00`);
  await blocks.getByLabel('Until').fill(`${day}T12:00`);
  await reason(blocks).fill('Painting');
  await blocks.getByRole('button', { name: 'See whom it concerns' }).click();
  await blocks.getByTestId('affected').getByText('Teacher A – Lecture').waitFor();
  await blocks.getByRole('button', { name: 'Block and displace 1 booking' }).waitFor();
  await pick(blocks, 'Except for these people', 'Teacher A');
  await blocks.getByRole('button', { name: 'See whom it concerns' }).click();
  await blocks.getByText('Nobody has booked there.').waitFor();
  await blocks.getByTestId('block-save').click();
  await blocks.locator('[data-block]').getByText('1 exception').waitFor();
  const still = await ask(ann, 'GET', `/api/bookings?owner=me&resource=${room.id}`);
  assert.equal(still.body.items[0].state, 'confirmed');
  await blocks.getByRole('button', { name: 'Remove: Painting' }).click();
  const remove = blocks.getByTestId('block-remove');
  const save = remove.getByTestId('block-remove-save');
  assert.equal(await save.getAttribute('aria-disabled'), 'true', 'not without a reason');
  await reason(remove).fill('Painted');
  await save.click();
  await blocks.getByText('All of its time is in use.').waitFor();
  await done(page);
});

test('ux 24: override shows itself on every page, what it breaks and whom it concerns, wants a reason, ends by itself, and is on record within a second', async () => {
  const name = unique('Over');
  const room = await makeResource(root, { name });
  await book(ann, room.id, '10:00', '11:00', { title: 'Seminar' });
  const page = await openAdmin('/override');
  await page.clock.install();
  await page.getByTestId('override-begin').click();
  const bar = page.getByTestId('override-bar');
  await bar.waitFor();
  await page.getByRole('link', { name: 'Find', exact: true }).click();
  await bar.waitFor();
  await page.getByRole('link', { name: 'Admin', exact: true }).click();
  await page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: 'Override' }).click();
  await pick(page, 'Resource', name);
  await pick(page, 'For whom', 'Teacher B');
  await page.getByLabel('From').fill(`${day}T10:30`);
  await page.getByLabel('Until').fill(`${day}T11:30`);
  await page.getByTestId('override-preview').click();
  assert.equal(await page.getByTestId('override-broken').getAttribute('data-code'), 'full');
  await page.getByTestId('affected').getByText('Teacher A – Seminar').waitFor();
  const save = page.getByTestId('override-save');
  assert.equal((await save.innerText()).trim(), `Book ${name} and displace 1 booking`);
  assert.equal(await save.getAttribute('aria-disabled'), 'true', 'not without a reason');
  await save.click({ force: true });
  await assertAccessible(page, 'override');
  await shoot(page, 'admin-override');
  await reason(page).fill('The Dean comes.');
  await save.click();
  await page.getByTestId('override-record').waitFor();
  const told = Date.now();
  const href = await page.getByTestId('override-record').getAttribute('href');
  const booking = new URL(href, base).searchParams.get('booking');
  let audit;
  do audit = await ask(root, 'GET', `/api/audit?booking=${booking}`);
  while (audit.body.items.length === 0 && Date.now() - told < 1_000);
  assert.ok(audit.body.items[0].changes.some(({ reason: why }) => why === 'The Dean comes.'), JSON.stringify(audit.body));
  await page.getByTestId('override-record').click();
  await page.locator('[data-testid=audit] > li').getByText('“The Dean comes.”').first().waitFor();

  await page.clock.fastForward('15:01');
  await bar.waitFor({ state: 'detached' });
  await page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name: 'Override' }).click();
  await page.getByTestId('override-begin').waitFor();
  await done(page);
});

test('ux 26: the record is narrowed by resource, person and booking, shows before and after, and its CSV is what is shown', async () => {
  const name = unique('Record');
  const room = await makeResource(root, { name, seats: 8 });
  assert.equal((await ask(root, 'PATCH', `/api/resources/${room.id}`, { seats: 10 }, 1)).status, 200);
  const booking = await book(ann, room.id, '10:00', '11:00');
  await ask(root, 'POST', '/api/bookings', { lines: [{ resource: room.id, start: at('10:00'), end: at('11:00') }] });
  await ask(ann, 'POST', `/api/bookings/${booking.id}/cancel`, { reason: 'Not needed' });
  const page = await openAdmin('/audit');
  const entries = page.locator('[data-testid=audit] > li');
  const commands = () => entries.evaluateAll((all) => all.map((one) => one.dataset.command));
  const settle = async (count) => page.waitForFunction((wanted) => document.querySelectorAll('[data-testid=audit] > li').length === wanted, count);
  await pick(page, 'Resource', name);
  await settle(5);
  assert.deepEqual(await commands(), ['cancel', 'book', 'book', 'edit_resource', 'create_resource']);
  await entries.nth(3).getByRole('button', { name: 'Before and after' }).click();
  await says(entries.nth(3).getByTestId('audit-diff'), /Seats\s+8\s+→\s+10/);
  for (const words of [/Teacher A/, /“Not needed”/, /UTC|GMT/]) await says(entries.first(), words);
  await assertAccessible(page, 'audit');
  await shoot(page, 'admin-audit');

  const shown = await entries.evaluateAll((all) => all.map((one) => one.dataset.attempt));
  const [file] = await Promise.all([page.waitForEvent('download', { timeout: 90_000 }), page.getByTestId('audit-csv').click()]);
  const lines = readFileSync(await file.path(), 'utf8').trim().split('\r\n');
  const column = lines[0].split(',').indexOf('attempt');
  assert.deepEqual([...new Set(lines.slice(1).map((line) => line.split(',')[column]))], shown);

  await pick(page, 'Person', 'Teacher A');
  await settle(2);
  await page.getByLabel('Booking (its id)').fill(booking.id);
  await settle(2);
  await page.getByLabel('Outcome').selectOption('BOOKED');
  await settle(1);
  // The address keeps it all.
  await page.reload();
  await settle(1);
  await done(page);
});

test('a table of resources is looked at first, carried out line by line, and the same again changes nothing', async () => {
  const [house, one, two] = ['House', 'Room', 'Room'].map(unique);
  const page = await openAdmin('/bulk');
  const csv = `kind,name,zone,building,seats,group,opening_hours\nroom,${one},Europe/Berlin,East,8,${house},\ngroup,${house},Europe/Berlin,,,,mo-fr 08:00-20:00\nroom,${two},Europe/Berlin,East,4,${house},`;
  const text = page.getByLabel('Or its text');
  await text.fill(csv.replace(',8,', ',many,'));
  await page.getByTestId('bulk-dry').click();
  await page.getByTestId('bulk-wrong').getByText('Line 2, seats: is no whole number').waitFor();
  assert.equal(await page.getByTestId('bulk-go').getAttribute('aria-disabled'), 'true');
  await text.fill(csv);
  await page.getByTestId('bulk-dry').click();
  await page.getByText('3 to make · 0 to change · 0 as they are').waitFor();
  await assertAccessible(page, 'bulk');
  await page.getByTestId('bulk-go').click();
  await page.getByText('3 of 3 done, 0 not').waitFor();
  await shoot(page, 'admin-bulk');
  const found = await ask(root, 'GET', `/api/resources?q=${encodeURIComponent(one)}`);
  assert.deepEqual([found.body.items[0].seats, found.body.items[0].policy.opening_hours[0].from], [8, '08:00'], 'in its group, whose hours it follows');
  await text.fill(csv.replace(',4,', ',5,'));
  await page.getByTestId('bulk-dry').click();
  await page.getByText('0 to make · 1 to change · 2 as they are').waitFor();
  await page.getByTestId('bulk-go').click();
  await page.getByText('1 of 1 done, 0 not').waitFor();
  await page.getByTestId('bulk-dry').click();
  await page.getByText('0 to make · 0 to change · 3 as they are').waitFor();
  await done(page);
});

test('closed days by a table leave out what is booked, and are taken back', async () => {
  const building = unique('Closed');
  const rooms = [];
  for (const number of [1, 2]) rooms.push(await makeResource(root, { name: unique(`C${number}`), building }));
  await book(ann, rooms[0].id, '10:00', '11:00');
  const page = await openAdmin('/bulk');
  await page.getByRole('button', { name: 'Closed days' }).click();
  await page.getByLabel('Or its text').fill(`day,until,reason,building\n${day},,Holiday,${building}`);
  await page.getByTestId('bulk-dry').click();
  await page.getByText('2 to close · 0 as they are · 1 bookings concerned · 1 with bookings').waitFor();
  await page.getByTestId('bulk-go').click();
  await page.getByText('1 of 1 done, 0 not').waitFor();
  const blocked = async () => (await ask(root, 'GET', `/api/resources/${rooms[1].id}`)).body.blocks;
  assert.deepEqual((await blocked()).map(({ start, reason: why }) => [start, why]), [[`${day}T00:00:00Z`, 'Holiday']]);
  await page.getByRole('button', { name: 'Take 1 block back' }).click();
  await sees(blocked, (left) => assert.deepEqual(left, []));
  await done(page);
});

test('requests are approved and declined with a reason, and a booking is handed over', async () => {
  const room = await makeResource(root, { name: unique('Ask'), seats: 500, policy: { approval: true } });
  const [yes, no] = [await book(ann, room.id, '10:00', '11:00', { title: 'Yes' }), await book(ann, room.id, '12:00', '13:00', { title: 'No' })];
  const page = await openAdmin('/approvals');
  const row = (id) => page.locator(`[data-booking="${id}"]`);
  await row(yes.id).getByTestId('approve').click();
  const approve = page.getByTestId('approve-save');
  assert.equal(await approve.getAttribute('aria-disabled'), 'true', 'not without a reason');
  await reason(page).fill('It is free');
  await approve.click();
  await row(yes.id).waitFor({ state: 'detached' });
  await row(no.id).getByRole('button', { name: /^Decline/ }).click();
  const refuse = page.getByTestId('decline-save');
  assert.equal(await refuse.getAttribute('aria-disabled'), 'true');
  await reason(page).fill('Exams that week');
  await refuse.click();
  await row(no.id).waitFor({ state: 'detached' });
  const states = async (id) => (await ask(ann, 'GET', `/api/bookings/${id}`)).body;
  assert.equal((await states(yes.id)).state, 'confirmed');
  assert.equal((await states(no.id)).state_reason, 'Exams that week');

  await page.goto(`${base}/admin/resources/${room.id}`);
  await page.getByTestId('resource-bookings').getByRole('button', { name: 'Hand over: Yes' }).click();
  const sheet = page.getByTestId('hand-over');
  await pick(sheet, 'To whom', 'Teacher B');
  await reason(sheet).fill('Ann is ill.');
  await sheet.getByRole('button', { name: 'Hand over to Teacher B' }).click();
  await page.getByText('It is Teacher B’s now.').waitFor();
  assert.equal((await ask(root, 'GET', `/api/bookings/${yes.id}`)).body.owner.name, 'Teacher B');
  await done(page);
});

test('people come by a table that is looked at first; what is known of one is edited', async () => {
  const name = unique('Pat');
  const page = await openAdmin('/people');
  await page.getByRole('button', { name: 'Import people' }).click();
  const sheet = page.getByTestId('import-people');
  await sheet.getByLabel('Or its text').fill(`external_id,name,role\n${name},${name},boss`);
  await sheet.getByTestId('import-dry').click();
  await sheet.getByText(/must be/).first().waitFor();
  await sheet.getByLabel('Or its text').fill(`external_id,name,tags\n${name},${name},member:gold`);
  await sheet.getByTestId('import-dry').click();
  await sheet.getByText('1 would be made, 0 changed, 0 are so already.').waitFor();
  await sheet.getByTestId('import-go').click();
  await sheet.getByText('1 made, 0 changed, 0 were so already.').waitFor();
  await page.keyboard.press('Escape');
  await page.getByLabel('Search').fill(name);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.getByRole('button', { name: `Tags: ${name}` }).click();
  const facts = page.getByTestId('person-facts');
  await page.waitForFunction(() => document.querySelector('[data-testid=person-facts] textarea')?.value === 'member:gold');
  await facts.getByLabel('Tags, one a line').fill('member:gold\nhold:advisor');
  await facts.getByRole('button', { name: `Save for ${name}` }).click();
  await facts.waitFor({ state: 'detached' });
  const id = await page.locator('[data-person]').first().getAttribute('data-person');
  assert.deepEqual((await ask(root, 'GET', `/api/people/${id}/facts`)).body.tags.toSorted(), ['hold:advisor', 'member:gold']);
  await done(page);
});

test('the board is one of the console’s screens, and moves while attempts come', async () => {
  const page = await openAdmin('/board');
  await page.getByRole('heading', { name: 'Board', level: 1 }).waitFor();
  const room = await makeResource(root, { name: unique('Busy') });
  await Promise.all(Array.from({ length: 30 }, () => ask(ann, 'POST', '/api/bookings', { lines: [{ resource: room.id, start: at('10:00'), end: at('11:00') }] })));
  await page.getByText(room.name).first().waitFor();
  await done(page);
});

test('who is no admin is told so, and finds no way to it', async () => {
  const page = await openAs(browser, 'Teacher A', { address: '/admin' });
  await page.getByText('For admins only').waitFor();
  assert.equal(await page.getByRole('link', { name: 'Admin', exact: true }).count(), 0);
  await assertAccessible(page, 'admin for a member');
  await done(page);
});

for (const width of [1280, 320]) {
  test(`ux 27: the console is without an axe violation in both themes at ${width}`, async () => {
    const room = await makeResource(root, { name: unique('Look') });
    const page = await openAdmin('', { reducedMotion: 'reduce', viewport: { width, height: width > 400 ? 900 : 640 } });
    for (const path of ['', `/resources/${room.id}`, '/bulk', '/approvals', '/override', '/people', '/audit', '/board']) {
      await page.goto(`${base}/admin${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await stands(page);
      const name = `admin${path.split('/').slice(0, 2).join('-')}-${width}`;
      await assertAccessibleInBothThemes(page, name);
      if (width < 400) await assertFingerSized(page, name);
      await shoot(page, name);
    }
    await done(page);
  });
}
