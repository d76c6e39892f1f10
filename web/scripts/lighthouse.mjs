// What Lighthouse says of the main screens, signed in, on a phone and on a desk: the median of some runs as a table. It judges nothing
// and is no part of the app: `lighthouse` is found where NODE_PATH says, since it weighs more than everything else here together.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const base = process.env.SLOTWISE_URL ?? 'http://127.0.0.1:8080';
const runs = Number(process.env.RUNS ?? 5);
const from = createRequire(pathToFileURL(`${process.env.NODE_PATH ?? '.'}/x.js`));
const { default: lighthouse, desktopConfig } = await import(pathToFileURL(from.resolve('lighthouse')).href);

const screens = [
  ['find', 'Teacher A', '/'],
  ['my bookings', 'Teacher A', '/bookings'],
  ['courses', 'Teacher A', '/courses'],
  ['classes', 'Teacher A', '/classes'],
  ['console', 'Alex Rivera', '/admin'],
];
const port = 9_300 + Math.floor(Math.random() * 600);
const browser = await chromium.launch({
  executablePath: process.env.SLOTWISE_CHROMIUM ?? process.env.CHROME_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', `--remote-debugging-port=${port}`],
});

async function cookieOf(name) {
  const { items } = await (await fetch(`${base}/api/demo/people`)).json();
  const person = items.find((one) => one.name.includes(name)).id;
  const answer = await fetch(`${base}/api/demo/sign-in`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ person }) });
  return answer.headers.get('set-cookie').split(';')[0];
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const wrong = new Map();
console.log('| screen | on | performance | accessibility | best practices | first paint | largest paint | blocked | shift |');
console.log('|---|---|---|---|---|---|---|---|---|');
for (const [name, who, path] of screens) {
  const Cookie = await cookieOf(who);
  for (const on of ['phone', 'desk']) {
    const told = [];
    for (let run = 0; run < runs; run += 1) {
      const { lhr } = await lighthouse(base + path, { port, logLevel: 'error', extraHeaders: { Cookie }, onlyCategories: ['performance', 'accessibility', 'best-practices'] }, on === 'desk' ? desktopConfig : undefined);
      told.push(lhr);
      for (const ref of lhr.categories.accessibility.auditRefs) if (ref.weight > 0 && lhr.audits[ref.id].score === 0) wrong.set(`${name}: ${ref.id}`, lhr.audits[ref.id].details?.items?.[0]?.node?.snippet ?? '');
      for (const ref of lhr.categories['best-practices'].auditRefs) if (ref.weight > 0 && lhr.audits[ref.id].score === 0) wrong.set(`${name}: ${ref.id}`, JSON.stringify(lhr.audits[ref.id].details?.items?.[0] ?? ''));
    }
    const score = (what) => Math.round(100 * median(told.map((one) => one.categories[what].score)));
    const audit = (what) => median(told.map((one) => one.audits[what].numericValue));
    const ms = (what) => `${Math.round(audit(what))} ms`;
    console.log(`| ${name} | ${on} | ${score('performance')} | ${score('accessibility')} | ${score('best-practices')} | ${ms('first-contentful-paint')} | ${ms('largest-contentful-paint')} | ${ms('total-blocking-time')} | ${audit('cumulative-layout-shift').toFixed(3)} |`);
  }
}
for (const [what, where] of wrong) console.log(`${what}: ${where}`);
await browser.close();
