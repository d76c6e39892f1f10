// The board in a real browser: a crowd is sent and exactly one of it has the room; it works for everybody, and on a phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, assertAccessibleInBothThemes, assertFingerSized, assertOneRow } from './access.mjs';
import { base, cards, launch, openAs, says, sees, shoot } from './people.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

const form = (page) => page.getByRole('form', { name: 'Send a crowd' });
const result = (page) => page.getByTestId('crowd');

async function openBoard(name, options = {}) {
  const page = await openAs(browser, name, options);
  await page.getByRole('link', { name: 'Board' }).click();
  await page.waitForURL(`${base}/board`);
  await page.getByTestId('send-crowd').and(page.locator(':enabled')).waitFor();
  return page;
}

/** Sends so many people and waits until all are answered; returns the tally as {'BOOKED': 1, 'REJECTED full': 99}. */
async function sendCrowd(page, people) {
  const last = await page.evaluate(() => fetch('/api/board').then((answer) => answer.json()).then((board) => board.crowd?.id ?? null));
  await form(page).getByRole('slider', { name: 'People' }).fill(String(people));
  await page.getByTestId('send-crowd').click();
  await page.waitForFunction(
    (id) => fetch('/api/board').then((answer) => answer.json()).then(({ crowd }) => crowd && crowd.id !== id && crowd.state === 'done'),
    last,
    { timeout: 60_000 },
  );
  await page.locator('[data-testid=crowd][data-state=done]').waitFor();
  await result(page).getByText(`${people} / ${people}`).waitFor();
  const rows = await page.getByTestId('tally').locator('li').evaluateAll((all) =>
    all.map((one) => [[one.dataset.outcome, one.dataset.code].filter(Boolean).join(' '), Number(one.firstElementChild.textContent.replace(/\D/g, ''))]),
  );
  return Object.fromEntries(rows);
}

test('a crowd of 100 wants one room, and exactly one has it', async () => {
  const page = await openBoard('Teacher A');
  assert.deepEqual(await sendCrowd(page, 100), { BOOKED: 1, 'REJECTED full': 99 });
  await says(page.getByTestId('who-won'), /^Demo person \d{4} has it\. The other 99 were told so\.$/);
  const steps = result(page).getByRole('list', { name: 'The first 20 decisions, in order' }).getByRole('listitem');
  await sees(() => steps.evaluateAll((all) => all.map((one) => one.dataset.outcome)), (told) => assert.deepEqual(told, ['BOOKED', ...Array(19).fill('REJECTED')]));

  // Each second is told without asking, and where it was hot.
  await page.getByRole('img', { name: /refused (99|[1-9]\d\d)/ }).waitFor();
  await page.getByRole('region', { name: 'Where most is asked for' }).getByText(/refused$/).first().waitFor();
  await page.evaluate(() => window.scrollTo(0, 0));
  await shoot(page, 'board-after-a-crowd');

  // The hour is taken, so the next free one is offered; sending again makes another winner.
  assert.deepEqual(await sendCrowd(page, 50), { BOOKED: 1, 'REJECTED full': 49 });
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('a second screen sees the same race live, and the page can be left and found again', async () => {
  const [a, b] = [await openBoard('Teacher A'), await openBoard('Sam Ito')];
  await sendCrowd(a, 30);
  await result(b).getByText('30 / 30').waitFor();
  const winner = await a.getByTestId('who-won').innerText();
  await sees(() => b.getByTestId('who-won').innerText(), (told) => assert.equal(told, winner));
  await a.getByRole('link', { name: 'Find', exact: true }).click();
  await cards(a).first().waitFor();
  await a.goBack();
  await a.getByRole('heading', { name: 'Board', level: 1 }).waitFor();
  await a.reload();
  await result(a).getByText('30 / 30').waitFor();
  for (const page of [a, b]) {
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
});

test('what is wrong with a crowd is said beside the button', async () => {
  const page = await openBoard('Teacher A');
  await form(page).getByLabel('From').fill('12:00');
  await form(page).getByLabel('To').fill('11:00');
  await page.getByTestId('send-crowd').click();
  await form(page).getByRole('alert').getByText('The crowd was not sent').waitFor();
  await form(page).getByRole('alert').getByText(/end must be after/).waitFor();
  await page.context().close();
});

test('whoever may not look is told so', async () => {
  const page = await openAs(browser, 'Teacher A');
  const refusal = { type: '/problems/not_allowed', title: 'Not allowed', status: 403, code: 'not_allowed', detail: 'Only an admin may look at the board.' };
  await page.route('**/api/board', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify(refusal) }));
  await page.goto(`${base}/board`);
  await page.getByText('For admins only').waitFor();
  await assertAccessible(page, 'board, not allowed');
  await page.context().close();
});

for (const [width, height] of [[1280, 900], [360, 740]]) {
  test(`the board is for everybody: both themes at ${width} px`, async () => {
    const narrow = width < 700;
    const page = await openBoard('Sam Ito', { viewport: { width, height }, reducedMotion: 'reduce', hasTouch: narrow });
    const name = `board-${width}`;
    await assertAccessibleInBothThemes(page, name);
    await sendCrowd(page, 40);
    for (const summary of await page.getByText('As a table').all()) await summary.click();
    await page.getByRole('cell', { name: /ms$/ }).first().waitFor();
    await assertAccessibleInBothThemes(page, `${name}, after a crowd`);
    await assertOneRow(page, name);
    if (narrow) await assertFingerSized(page, name);
    await shoot(page, name);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}
