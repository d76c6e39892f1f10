// People in the console: found page by page, given a role and what they manage, invited and the invitation taken back, signed out
// everywhere, and let in nowhere; by keyboard, on a phone, and refused where it must be.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, assertAccessibleInBothThemes, assertFingerSized } from './access.mjs';
import { ask, base, byApi, closeAll, launch, makePerson, openAs, sees, shoot, stands, unique } from './people.mjs';

let browser;
let root;
before(async () => {
  browser = await launch();
  root = await byApi(browser, 'Alex Rivera');
});
after(() => browser?.close());

const openPeople = async (who, address = '', options = {}) => {
  const page = await openAs(browser, who, { address: `/admin/people${address}`, ...options });
  await page.getByRole('navigation', { name: 'Admin' }).waitFor();
  return page;
};
const access = (page) => page.getByTestId('access');
const row = (page, { id }) => page.locator(`tr[data-person="${id}"]`);
const standing = ({ id }) => root.get(`/api/people/${id}/standing`);

async function openAccess(page, person) {
  await page.getByLabel('Search').fill(person.name);
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.getByRole('button', { name: `Access: ${person.name}` }).click();
  await access(page).getByRole('heading', { name: 'Coming in' }).waitFor();
}

test('a role is changed with what a manager manages, by the keyboard alone, and holds at once', async () => {
  const [kim, group] = [await makePerson(root), unique('Wing')];
  const id = await root.make({ kind: 'group', name: group, zone: 'UTC' });
  const theirs = await byApi(browser, kim);
  assert.equal((await theirs.get('/api/me')).role, 'member');
  const page = await openPeople('Alex Rivera');
  await openAccess(page, kim);
  await stands(page);
  await assertAccessible(page, 'access');
  await access(page).getByRole('combobox', { name: 'Role' }).focus();
  // The next of the list.
  await page.keyboard.press('ArrowDown');
  await access(page).getByText('A manager manages something').waitFor();
  const save = access(page).getByTestId('role-save');
  assert.equal(await save.getAttribute('aria-disabled'), 'true', 'not over nothing');
  await access(page).getByRole('combobox', { name: 'Add a group' }).focus();
  await page.keyboard.type(group);
  await access(page).getByRole('option', { name: group }).waitFor();
  await page.keyboard.press('Enter');
  await access(page).getByTestId('manages').getByText(group).waitFor();
  await assertAccessible(page, 'access of a manager');
  await shoot(page, 'admin-access');
  await save.focus();
  await page.keyboard.press('Enter');
  await page.getByText(`${kim.name} is Manager now.`).waitFor();
  const { role, manages } = await standing(kim);
  assert.deepEqual([role, manages], ['manager', [{ id, name: group }]]);
  await page.keyboard.press('Escape');
  await access(page).waitFor({ state: 'detached' });
  await row(page, kim).getByText('Manager').waitFor();

  // Nothing of it is left when they are a member again.
  await page.getByRole('button', { name: `Access: ${kim.name}` }).click();
  await access(page).getByTestId('manages').getByText(group).waitFor();
  await access(page).getByRole('button', { name: `Do not manage ${group}` }).click();
  await access(page).getByRole('combobox', { name: 'Role' }).selectOption('member');
  await save.click();
  await page.getByText(`${kim.name} is Member now.`).waitFor();
  assert.deepEqual((await standing(kim)).manages, []);
  await closeAll(page, theirs);
});

test('somebody is invited: what is wrong stands beside its field, the link is shown once, and is good for nothing when it is withdrawn', async () => {
  const name = unique('Noor');
  const email = `${name.replace(' ', '.').toLowerCase()}@example.org`;
  const page = await openPeople('Alex Rivera');
  const sheet = page.getByTestId('invite');
  const invite = async (who, address) => {
    await sheet.getByLabel('Name').fill(who);
    await sheet.getByLabel('E-mail').fill(address);
    await sheet.getByTestId('invite-send').click();
  };
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await stands(page);
  await assertAccessible(page, 'invite');
  assert.equal(await sheet.getByTestId('invite-send').getAttribute('aria-disabled'), 'true', 'not without a name');
  await invite(name, email);
  await sheet.getByTestId('invited').getByText(`hand this link to ${name}`).waitFor();
  const link = await sheet.getByTestId('invitation-link').innerText();
  await assertAccessible(page, 'invited');
  await sheet.getByRole('button', { name: 'Invite another' }).click();
  // The address is hers, by now.
  await invite('Somebody else', email);
  await sheet.getByText(/somebody else's already/).waitFor();
  assert.equal(await sheet.getByLabel('E-mail').getAttribute('aria-invalid'), 'true');
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Invited' }).click();
  const open = page.getByTestId('invitations').getByRole('listitem').filter({ hasText: name });
  await open.getByText(email).waitFor();
  await open.getByText(/Invited by Alex Rivera, .* Good until /).waitFor();
  await stands(page);
  await assertAccessibleInBothThemes(page, 'invitations');
  await shoot(page, 'admin-invitations');
  const guest = await (await browser.newContext({ locale: 'en-GB' })).newPage();
  const at = () => guest.goto(`${base}/invitation#${link.split('#')[1]}`);
  await at();
  await guest.getByRole('heading', { name: `Welcome, ${name}` }).waitFor();
  await open.getByRole('button', { name: `Withdraw the invitation of ${name}` }).click();
  await open.waitFor({ state: 'detached' });
  await guest.goto('about:blank');
  await at();
  await guest.getByText(/used already|time is over/).first().waitFor();
  await guest.context().close();
  // Who was invited is still there, and can be invited again.
  await page.getByRole('button', { name: 'Everybody' }).click();
  await openAccess(page, { name });
  await access(page).getByText('They have never come in').waitFor();
  await access(page).getByTestId('invite-again').click();
  await access(page).getByText('They are invited until').waitFor();
  await access(page).getByTestId('withdraw').click();
  await access(page).getByText('no invitation is open').waitFor();
  await closeAll(page);
});

test('whoever is suspended is let in nowhere, stands in a list of their own, and is let in again', async () => {
  const kim = await makePerson(root);
  const page = await openPeople('Alex Rivera');
  await openAccess(page, kim);
  const act = access(page).getByTestId('suspend');
  assert.equal(await act.getAttribute('aria-disabled'), 'true', 'asked twice');
  await access(page).getByLabel('Are you sure?').selectOption('yes');
  await act.click();
  await access(page).waitFor({ state: 'detached' });
  await row(page, kim).waitFor({ state: 'detached' });
  assert.equal((await ask(page, 'GET', `/api/people/${kim.id}/standing`)).status, 404);
  await page.getByRole('button', { name: 'Let in nowhere' }).click();
  await row(page, kim).waitFor();
  await stands(page);
  await assertAccessible(page, 'suspended');
  await row(page, kim).getByRole('button', { name: `Let in again: ${kim.name}` }).click();
  await row(page, kim).waitFor({ state: 'detached' });
  assert.equal((await standing(kim)).role, 'member');
  await closeAll(page);
});

test('keys of somebody are seen and revoked', async () => {
  const page = await openPeople('Alex Rivera');
  const kim = await makePerson(root);
  const { key } = await root.post(`/api/people/${kim.id}/keys`, { label: 'Door display' });
  const asked = () => fetch(`${base}/api/me`, { headers: { Authorization: `Bearer ${key}` } }).then(({ status }) => status);
  assert.equal(await asked(), 200);
  await openAccess(page, kim);
  await access(page).getByRole('button', { name: 'Revoke the key Door display' }).click();
  await access(page).getByText('They have none.').waitFor();
  assert.equal(await asked(), 401);
  await closeAll(page);
});

test('a long list comes page by page, is searched in the address, and says when nobody is called that', async () => {
  const word = unique('Paged').replace(' ', '');
  await root.post('/api/people/import', { csv: `external_id,name\n${Array.from({ length: 55 }, (_, n) => `${word}-${n},${word} ${String(n).padStart(2, '0')}`).join('\n')}\n` });
  const page = await openPeople('Alex Rivera', `?q=${word}`);
  const rows = page.getByTestId('people').locator('tbody tr');
  await sees(() => rows.count(), (count) => assert.equal(count, 50));
  await page.getByRole('button', { name: 'Show more' }).click();
  await sees(() => rows.count(), (count) => assert.equal(count, 55));
  await page.getByLabel('Search').fill('nobody-is-called-this');
  await page.keyboard.press('Enter');
  await page.getByTestId('empty').getByText('Nobody is called that.').waitFor();
  await page.route('**/api/invitations', (route) => route.abort());
  await page.getByRole('button', { name: 'Invited' }).click();
  await page.getByTestId('offline').waitFor({ timeout: 20_000 });
  await assertAccessible(page, 'invitations, nobody answers');
  await page.unroute('**/api/invitations');
  await closeAll(page);
});

test('on a phone, in Arabic too, all of it is in reach; an auditor looks and has nothing to press', async () => {
  const kim = await makePerson(root);
  const page = await openPeople('Alex Rivera', '', { viewport: { width: 320, height: 640 }, reducedMotion: 'reduce', hasTouch: true });
  await openAccess(page, kim);
  await stands(page);
  await assertAccessibleInBothThemes(page, 'access at 320 px');
  await assertFingerSized(page, 'access at 320 px');
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await stands(page);
  await assertFingerSized(page, 'invite at 320 px');
  await page.evaluate(() => localStorage.setItem('slotwise-language', 'ar'));
  await page.reload();
  await page.getByRole('button', { name: 'المدعوون' }).click();
  await stands(page);
  await assertAccessible(page, 'invitations in Arabic at 320 px');

  const lin = await openPeople('Lin Zhao');
  await openAccess(lin, kim);
  await access(lin).getByText('They have none.').waitFor();
  assert.deepEqual((await access(lin).getByRole('button').allInnerTexts()).filter(Boolean), []);
  await lin.keyboard.press('Escape');
  await lin.getByRole('button', { name: 'Invited' }).click();
  await stands(lin);
  assert.equal(await lin.getByTestId('withdraw').count(), 0);
  assert.equal((await ask(lin, 'DELETE', `/api/people/${kim.id}/invitation`)).status, 403);
  const member = await byApi(browser, kim);
  await assert.rejects(member.get('/api/invitations'), /403/);
  await assert.rejects(member.get('/api/people?suspended=true'), /403/);
  await closeAll(page, lin, member);
});
