// Who manages something and who only looks: what the console offers them is what the server lets them do, and nothing else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { ask, base, byApi, claim, closeAll, confirm, dialog, launch, makePerson, openAs, quietDay, sees, shoot, unique } from './people.mjs';

let browser;
let root;
let dana;
const day = quietDay(52);
const at = (clock) => `${day}T${clock}:00Z`;

before(async () => {
  browser = await launch();
  root = await byApi(browser, 'Alex Rivera');
  const people = await root.get('/api/people?q=Dana');
  dana = people.items.find((one) => one.name === 'Dana Osei').id;
});
after(() => browser?.close());

/** Somebody in the console. */
const as = async (name) => {
  const page = await openAs(browser, name, { address: '/admin' });
  await page.getByRole('navigation', { name: 'Admin' }).waitFor();
  return page;
};

/** A room of a group that Dana manages, and one that she does not. */
async function withScope(what, policy = {}) {
  const group = await root.make({ kind: 'group', name: unique('Wing'), zone: 'UTC' });
  const [mine, other] = [unique('Scope'), unique('Scope')];
  const ids = { group, mine: await root.make({ kind: 'room', name: mine, zone: 'UTC', capacity: 1, seats: 500, group, policy }), other: await root.make({ kind: 'room', name: other, zone: 'UTC', capacity: 1, seats: 500, policy }) };
  await root.put(`/api/people/${dana}/role`, { role: 'manager', manages: [group] });
  await what({ ids, names: { mine, other } });
}

const ways = async (page) => (await page.getByRole('navigation', { name: 'Admin' }).getByRole('link').allInnerTexts()).map((one) => one.trim());
const buttons = (page) => page.locator('main').getByRole('button');

test('a manager sees and changes what is theirs, and is refused the rest', async () => {
  await withScope(async ({ ids, names }) => {
    const page = await as('Dana Osei');
    await sees(() => ways(page), (told) => assert.deepEqual(told, ['Resources', 'Requests', 'Override', 'Board']));
    // Theirs first; everything else is one choice away, to look at.
    await page.locator(`tr[data-resource="${ids.mine}"]`).waitFor();
    assert.equal(await page.locator(`tr[data-resource="${ids.other}"]`).count(), 0);
    await assertAccessible(page, "a manager's resources");
    await shoot(page, 'manager-resources');

    await page.getByRole('link', { name: names.mine }).click();
    await page.getByRole('heading', { name: names.mine, level: 1 }).waitFor();
    await page.getByLabel('Building').fill('East');
    await page.getByTestId('save').click();
    await page.getByText('Saved.').first().waitFor();
    assert.equal((await root.get(`/api/resources/${ids.mine}`)).building, 'East');

    await page.goto(`${base}/admin?all=1&q=${encodeURIComponent(names.other)}`);
    await page.getByRole('link', { name: names.other }).click();
    await page.getByRole('heading', { name: names.other, level: 1 }).waitFor();
    await page.getByText('Changing it is for whoever manages it, and for admins.').waitFor();
    await page.getByTestId('edit-form').getByLabel('Name').waitFor();
    assert.ok(await page.getByTestId('edit-form').getByLabel('Name').isDisabled());
    assert.deepEqual(await buttons(page).allInnerTexts(), [], 'nothing to press that would be refused');
    await assertAccessible(page, 'a resource to look at');

    // And the server says the same, whatever a page offers.
    const { policy_version } = await root.get(`/api/resources/${ids.other}`);
    for (const [method, path, body] of [
      ['PATCH', `/api/resources/${ids.other}`, { building: 'Mine' }],
      ['POST', `/api/resources/${ids.other}/close`, { reason: 'mine' }],
      ['POST', `/api/resources/${ids.other}/capacity`, { to: 9, reason: 'mine' }],
      ['POST', `/api/resources/${ids.other}/blocks`, { start: at('08:00'), end: at('09:00'), reason: 'mine' }],
    ]) assert.equal((await ask(page, method, path, body, policy_version)).status, 403, path);
    assert.equal((await ask(page, 'GET', '/api/audit')).status, 403);
    assert.equal((await ask(page, 'PUT', `/api/people/${dana}/role`, { role: 'admin' })).status, 403);
    // What a manager makes is in a group of theirs.
    assert.equal((await ask(page, 'POST', '/api/resources', { kind: 'room', name: unique('No'), zone: 'UTC', capacity: 1 })).status, 403);
    await closeAll(page);
  });
});

test('a manager approves what is asked of theirs and no other', async () => {
  const asking = { approval: true };
  await withScope(async ({ ids }) => {
    const ann = await byApi(browser, 'Teacher A');
    const asked = async (id) => (await ann.post('/api/bookings', { lines: [{ resource: id, start: at('10:00'), end: at('11:00') }], title: 'Please' })).booking.id;
    const [mine, other] = [await asked(ids.mine), await asked(ids.other)];
    const page = await as('Dana Osei');
    await page.getByRole('link', { name: 'Requests' }).click();
    await page.locator(`[data-booking="${mine}"]`).waitFor();
    assert.equal(await page.locator(`[data-booking="${other}"]`).count(), 0, 'only what is theirs to decide');
    await page.locator(`[data-booking="${mine}"]`).getByTestId('approve').click();
    await page.getByLabel('Reason in words').fill('It is free');
    await page.getByTestId('approve-save').click();
    await page.locator(`[data-booking="${mine}"]`).waitFor({ state: 'detached' });
    assert.equal((await ann.get(`/api/bookings/${mine}`)).state, 'confirmed');
    assert.equal((await ask(page, 'POST', `/api/bookings/${other}/approve`, { reason: 'mine' })).status, 403);
    await closeAll(page, ann);
  }, asking);
});

test('an admin ends a hold or has it last, with a reason; its holder sees it and is told', async () => {
  const { id, name } = await makeHeldRoom();
  const kim = await makePerson(root);
  const holder = await openAs(browser, kim, { address: `/?date=${day}&from=10:00&to=11:00&q=${encodeURIComponent(name)}` });
  await claim(holder, id);
  await dialog(holder).getByRole('timer').waitFor();
  const admin = await openAs(browser, 'Alex Rivera', { address: `/admin/resources/${id}` });
  const hold = admin.getByTestId('hold');
  await hold.getByRole('heading', { name: kim.name }).waitFor();
  await hold.getByTestId('change-hold').click();
  const sheet = admin.getByTestId('hold-dialog');
  await sheet.getByLabel(/as long as can be/).check();
  await sheet.getByLabel('Reason in words').fill('She is on her way');
  await assertAccessible(admin, 'changing a hold');
  await shoot(admin, 'admin-hold');
  await sheet.getByTestId('hold-save').click();
  await sheet.waitFor({ state: 'detached' });
  // The open claim counts on to the new end: far more than the half minute that it had.
  await holder.waitForFunction(() => /^[34]:\d\d$/.test(document.querySelector('[data-testid=claim-dialog] [role=timer]')?.textContent ?? ''));

  await hold.getByTestId('change-hold').click();
  await sheet.getByLabel('End it at once').check();
  await sheet.getByLabel('Reason in words').fill('A pipe has burst');
  await sheet.getByTestId('hold-save').click();
  await hold.waitFor({ state: 'detached' });
  await confirm(holder);
  await holder.getByTestId('conflict-panel').waitFor();
  await holder.keyboard.press('Escape');
  await dialog(holder).waitFor({ state: 'detached' });
  await holder.getByRole('button', { name: /unread notice/ }).click();
  await holder.locator('[data-testid=notice][data-news=hold_ended]').filter({ hasText: name }).waitFor();
  await holder.locator('[data-testid=notice][data-news=hold_set]').filter({ hasText: name }).waitFor();
  const { items } = await root.get(`/api/audit?resource=${id}&limit=5`);
  assert.deepEqual(items.map((one) => one.command).slice(0, 3).includes('end_hold'), true);
  assert.ok(JSON.stringify(items).includes('A pipe has burst'));
  await closeAll(holder, admin);

  async function makeHeldRoom() {
    const word = unique('Held');
    return { id: await root.make({ kind: 'room', name: word, zone: 'UTC', capacity: 1, policy: { hold_at: 'claim', hold_ttl_s: 30 } }), name: word };
  }
});

test('an auditor reads everything and can change nothing', async () => {
  const ann = await byApi(browser, 'Teacher A');
  const room = await root.make({ kind: 'room', name: unique('Looked at'), zone: 'UTC', capacity: 1 });
  const { booking } = await ann.post('/api/bookings', { lines: [{ resource: room, start: at('10:00'), end: at('11:00') }], title: 'Seen by the auditor', purpose: 'Only looked at' });
  const page = await openAs(browser, 'Lin Zhao', { address: '/admin' });
  const way = (name) => page.getByRole('navigation', { name: 'Admin' }).getByRole('link', { name });
  await sees(() => ways(page), (told) => assert.deepEqual(told, ['Resources', 'People', 'Record', 'Board']));
  await page.locator('tr[data-resource]').first().waitFor();
  assert.equal(await page.getByRole('button', { name: 'New resource' }).count(), 0);

  await page.goto(`${base}/admin/resources/${room}`);
  await page.getByText('An auditor sees everything and changes nothing.').waitFor();
  await page.getByTestId('resource-bookings').getByText('Seen by the auditor').waitFor();
  assert.deepEqual(await buttons(page).allInnerTexts(), [], 'nothing to press');
  await assertAccessible(page, "an auditor's resource");
  await shoot(page, 'auditor-resource');

  await way('Record').click();
  await page.getByTestId('audit').getByRole('listitem').first().waitFor();
  await way('People').click();
  await page.getByTestId('people').locator('tbody tr').first().waitFor();
  assert.equal(await page.getByRole('button', { name: 'Import people' }).count(), 0);
  await page.getByRole('button', { name: /^Tags/ }).first().click();
  const sheet = page.getByTestId('person-facts');
  await sheet.waitFor();
  assert.deepEqual(await sheet.getByRole('button').allInnerTexts().then((all) => all.filter(Boolean)), [], 'only the way out');
  await page.keyboard.press('Escape');
  await way('Board').click();
  await page.getByRole('heading', { name: 'Board', level: 1 }).waitFor();

  const tried = [
    ['POST', '/api/bookings', { lines: [{ resource: room, start: at('12:00'), end: at('13:00') }] }],
    ['POST', `/api/bookings/${booking.id}/cancel`, { reason: 'mine' }],
    ['PATCH', `/api/resources/${room}`, { building: 'Mine' }, 1],
    ['POST', `/api/resources/${room}/close`, { reason: 'mine' }, 1],
    ['POST', '/api/resources', { kind: 'room', name: unique('No'), zone: 'UTC', capacity: 1 }],
    ['PUT', `/api/people/${dana}/facts`, { tags: ['mine'] }, 1],
  ];
  for (const [method, path, body, version] of tried) assert.ok([403, 404].includes((await ask(page, method, path, body, version)).status), `${method} ${path}`);
  assert.equal((await ann.get(`/api/bookings/${booking.id}`)).state, 'confirmed');
  await closeAll(page, ann);
});
