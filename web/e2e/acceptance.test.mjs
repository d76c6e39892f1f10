// The list of what the screens promise agrees with the tests that try it. Opens no browser.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path) => readFileSync(root + path, 'utf8');
const rows = [...read('docs/reference/acceptance.md').matchAll(/^\| (\d+) \| .+ \| `([^`]+)`(?:, `([^`]+)`)* \|$/gm)].map(([row, number]) => ({
  number: Number(number),
  files: [...row.matchAll(/`([^`]+\.test\.mjs)`/g)].map(([, file]) => file),
}));

test('each promise is tried where the list says', () => {
  assert.ok(rows.length > 5);
  for (const { number, files } of rows) {
    for (const file of files) assert.match(read(file), new RegExp(`ux ${number}: `), `${file} does not try ${number}`);
  }
});

test('each number in a title has its row', () => {
  const known = new Set(rows.map(({ number }) => number));
  for (const file of readdirSync(`${root}web/e2e`).filter((name) => name.endsWith('.test.mjs') && name !== 'acceptance.test.mjs')) {
    for (const [, number] of read(`web/e2e/${file}`).matchAll(/test\([`'"]ux (\d+): /g)) assert.ok(known.has(Number(number)), `${file}: ux ${number} has no row`);
  }
});
