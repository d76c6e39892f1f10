// Courses: a plan is checked before the window opens, registering says what became of each line, and a swap never loses a seat.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible } from './access.mjs';
import { byApi, closeAll, launch, makeCourse, openAs, sees, shoot } from './people.mjs';

let browser;
let admin;
before(async () => {
  browser = await launch();
  admin = await byApi(browser, 'Alex Rivera');
});
after(() => browser?.close());

const section = (page, { id }) => page.locator(`[data-testid=section][data-section="${id}"]`);
const lines = (page) => page.getByTestId('plan-line');
const planned = (page, name) => lines(page).filter({ has: page.getByText(name, { exact: true }) });

async function emptyPlan(person) {
  const { version } = await person.get('/api/plan');
  await person.put('/api/plan', { lines: [] }, { 'If-Match': `"${version}"` });
}

test('ux 22: a plan is checked, then registered line by line, each with its reason and a way out', async () => {
  const sam = await byApi(browser, 'Sam Ito');
  await emptyPlan(sam);
  const course = await makeCourse(admin, [[1, ['mo'], '10'], [30, ['tu'], '10'], [30, ['fr'], '09', { eligibility: [{ all: ['passed:MATH2'] }] }, '2']]);
  const [full, open, barred] = course.sections;
  const mia = await byApi(browser, 'Mia Novak');
  await mia.post('/api/bookings', { lines: [{ resource: full.id }] });
  const page = await openAs(browser, 'Sam Ito', { address: course.address });
  for (const one of [full, barred]) {
    await section(page, one).getByTestId('plan-button').click();
    await planned(page, one.name).waitFor();
  }
  await page.locator('[data-testid=plan-line][data-would=REJECTED][data-code=not_eligible]').waitFor();
  const line = planned(page, full.name);
  await line.locator('[data-testid=fix][data-fix=instead]').first().waitFor();
  await assertAccessible(page, 'plan');
  await shoot(page, 'plan');
  await page.getByTestId('register-all').click();
  const results = page.getByTestId('results').getByTestId('result');
  await sees(() => results.evaluateAll((all) => all.map((one) => [one.dataset.outcome, one.dataset.code])), (told) => assert.deepEqual(told, [['REJECTED', 'full'], ['REJECTED', 'not_eligible']]));
  // The way out of the first is the other section of the same course.
  await line.locator('[data-testid=fix][data-fix=instead]').first().click();
  await page.locator('[data-testid=plan-line][data-would=BOOKED]').filter({ hasText: open.name }).waitFor();
  await page.getByTestId('register-all').click();
  await page.locator('[data-testid=result][data-outcome=BOOKED]').filter({ hasText: open.name }).waitFor();
  await page.locator(`[data-section="${open.id}"][data-mine=true]`).waitFor();
  await closeAll(page, sam, mia);
});

test('ux 10: and 22, it opens on the second of the server, whatever the clock of the device says', async () => {
  const sam = await byApi(browser, 'Sam Ito');
  await emptyPlan(sam);
  const opens = Math.ceil(Date.now() / 1000) * 1000 + 9_000;
  const course = await makeCourse(admin, [[5, ['mo'], '08', { book_from: { elapsed_s: (Date.parse('2027-01-04T08:00:00Z') - opens) / 1000 } }]]);
  const page = await openAs(browser, 'Sam Ito', { address: course.address });
  await page.close();
  const wrong = await openAs(browser, 'Sam Ito', { address: '/' });
  // Ten minutes ahead on this device.
  await wrong.context().addInitScript(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 600_000;
  });
  await wrong.goto(new URL(course.address, wrong.url()).href);
  await section(wrong, course.sections[0]).getByTestId('plan-button').click();
  await wrong.getByTestId('opens').waitFor();
  const told = Number((await wrong.getByTestId('opens').getByRole('timer').innerText()).match(/\d+/)[0]);
  assert.ok(Math.abs(told - (opens - Date.now()) / 1000) <= 1.5, `${told} s`);
  assert.equal(await wrong.getByTestId('register-all').getAttribute('aria-disabled'), 'true');
  await wrong.locator('[data-testid=register-all][aria-disabled=false]').waitFor({ timeout: 15_000 });
  assert.ok(Math.abs(Date.now() - opens) < 2_000, 'it opened when the server said');
  await wrong.getByTestId('register-all').click();
  await wrong.locator('[data-testid=result][data-outcome=BOOKED]').waitFor();
  await closeAll(wrong, sam);
});

test('ux 22: all or nothing books nothing if one line cannot be had; lines at one time say so before', async () => {
  const [sam, mia] = [await byApi(browser, 'Sam Ito'), await byApi(browser, 'Mia Novak')];
  await emptyPlan(sam);
  const course = await makeCourse(admin, [[1, ['sa'], '06'], [30, ['sa'], '06', {}, '2']], { policy: { own_overlap: 'refuse' } });
  await mia.post('/api/bookings', { lines: [{ resource: course.sections[0].id }] });
  const page = await openAs(browser, 'Sam Ito', { address: course.address });
  for (const one of course.sections) {
    await section(page, one).getByTestId('plan-button').click();
    await planned(page, one.name).waitFor();
  }
  await lines(page).first().getByText('At the same time as').waitFor();
  await page.getByLabel('All or nothing').check();
  await page.getByTestId('register-all').click();
  await page.locator('[data-testid=result][data-outcome=REJECTED]').waitFor();
  assert.equal(await page.locator('[data-testid=section][data-mine=true]').count(), 0);
  await closeAll(page, sam, mia);
});

test('ux 22: a swap keeps the old seat until the new one is sure; dropping gives it to whoever waits', async () => {
  const course = await makeCourse(admin, [[1, ['mo'], '13'], [1, ['tu'], '13']]);
  const [one, other] = course.sections;
  const [a, b] = [await openAs(browser, 'Sam Ito', { address: course.address }), await openAs(browser, 'Mia Novak', { address: course.address })];
  await section(a, one).getByTestId('register-button').click();
  await a.locator(`[data-section="${one.id}"][data-mine=true]`).waitFor();
  await section(b, one).getByTestId('wait-section').click();
  await b.getByTestId('join-confirm').click();
  await section(b, one).getByTestId('leave-line').waitFor();
  await section(a, other).getByTestId('swap-section').click();
  await a.locator(`[data-section="${other.id}"][data-mine=true]`).waitFor();
  // Whoever waited has it in the same commit, and sees it without asking.
  await b.locator(`[data-section="${one.id}"][data-mine=true]`).waitFor();
  await section(a, other).getByTestId('drop-button').click();
  await a.getByTestId('cancel-confirm-button').click();
  await a.locator(`[data-section="${other.id}"][data-mine=false]`).waitFor();
  await closeAll(a, b);
});
