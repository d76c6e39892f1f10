// Coming in: the first start with its printed code, an invitation, sign-in, the profile with sessions and keys. On a server of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertAccessible } from './access.mjs';
import { launch, live, shoot } from './people.mjs';

// Of `cargo xtask test`, or of a build by hand.
const binary = process.env.SLOTWISE_BINARY ?? fileURLToPath(new URL('../../target/debug/slotwise', import.meta.url));
const password = 'correct horse battery';
let browser;
let server;
let data;
let base;
let code;

before(async () => {
  browser = await launch();
  data = mkdtempSync(join(tmpdir(), 'slotwise-doors-'));
  server = spawn(binary, ['serve', '--port', '0', '--data', data], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface({ input: server.stdout })) {
    base ??= line.match(/^Slotwise is on (http\S+)/)?.[1];
    code = line.match(/enter this code: (\S+)/)?.[1];
    if (code) break;
  }
});
after(async () => {
  await browser?.close();
  server?.kill();
  if (data) rmSync(data, { recursive: true, force: true });
});

async function open(path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(base + path);
  return page;
}

test('the first admin sets the server up, invites somebody, and sees where they are signed in', async () => {
  const ada = await open('/');
  await ada.getByLabel('Code from the start').waitFor();
  assert.equal(new URL(ada.url()).pathname, '/setup');
  await assertAccessible(ada, 'set-up');
  await shoot(ada, 'set-up');
  await ada.getByLabel('Code from the start').fill(code);
  await ada.getByLabel('Your name').fill('Ada');
  await ada.getByLabel('E-mail address').fill('ada@example.org');
  await ada.getByLabel('New password').fill(password);
  await ada.getByRole('button', { name: 'Begin' }).click();
  await live(ada);

  // Who is the only admin stays one, and is told why.
  await ada.goto(`${base}/admin/people`);
  await ada.getByRole('button', { name: 'Access: Ada' }).click();
  const access = ada.getByTestId('access');
  await access.getByText('They have come in, as ada@example.org.').waitFor();
  await access.getByRole('combobox', { name: 'Role' }).selectOption('member');
  await access.getByText('This is you').waitFor();
  await access.getByTestId('role-save').click();
  await access.getByText('This is the only admin').waitFor();
  await ada.keyboard.press('Escape');
  await access.waitFor({ state: 'detached' });

  const made = await ada.request.post(`${base}/api/invitations`, { data: { name: 'Ben', email: 'ben@example.org' } });
  const { link } = await made.json();
  const ben = await open(new URL(link).pathname + new URL(link).hash);
  await ben.getByRole('heading', { name: 'Welcome, Ben' }).waitFor();
  assert.equal(new URL(ben.url()).hash, '', 'the secret leaves the address');
  await assertAccessible(ben, 'invitation');
  await ben.getByLabel('New password').fill(password);
  await ben.getByRole('button', { name: 'Accept the invitation' }).click();
  await live(ben);

  // Signed out and in again, first with what is wrong.
  await ben.getByRole('button', { name: 'Sign out' }).click();
  await ben.getByRole('heading', { name: 'Sign in' }).waitFor();
  await assertAccessible(ben, 'sign-in');
  await shoot(ben, 'sign-in');
  await ben.getByLabel('E-mail address').fill('ben@example.org');
  await ben.locator('input[name=password]').fill('wrong horse battery');
  await ben.getByRole('button', { name: 'Sign in', exact: true }).click();
  await ben.getByRole('alert').filter({ hasText: 'not right' }).waitFor();
  await ben.locator('input[name=password]').fill(password);
  await ben.getByRole('button', { name: 'Sign in', exact: true }).click();
  await live(ben);

  // A second browser is seen, and signed out from the first: its page is at the entrance again.
  const other = await open('/');
  await other.getByLabel('E-mail address').fill('ben@example.org');
  await other.locator('input[name=password]').fill(password);
  await other.getByRole('button', { name: 'Sign in', exact: true }).click();
  await live(other);
  await ben.goto(`${base}/profile`);
  await ben.getByTestId('session-row').nth(1).waitFor();
  await assertAccessible(ben, 'profile');
  await shoot(ben, 'profile');
  await ben.getByRole('button', { name: 'Sign out there' }).first().click();
  await ben.getByTestId('session-row').nth(1).waitFor({ state: 'detached' });
  await other.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 10_000 });

  // A key is shown once and is gone when it is revoked.
  await ben.getByLabel('What it is for').fill('My calendar');
  await ben.getByRole('button', { name: 'Make a key' }).click();
  const key = await ben.getByTestId('new-key').innerText();
  const asked = () => fetch(`${base}/api/me`, { headers: { Authorization: `Bearer ${key}` } });
  assert.equal((await asked()).status, 200);
  await ben.getByTestId('key-row').getByRole('button', { name: 'Revoke' }).click();
  await ben.getByTestId('key-row').waitFor({ state: 'detached' });
  assert.equal((await asked()).status, 401);

  // The language that somebody chose is theirs in every browser.
  await ben.getByLabel('Language', { exact: true }).last().selectOption('de');
  await ben.getByRole('button', { name: 'Save' }).click();
  await ben.getByRole('heading', { name: 'Profil' }).waitFor();
  await Promise.all([ada, ben, other].map((page) => page.context().close()));
});
