// Fails the build when the first load grows over its budget. Counts what index.html asks for, gzipped.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const budgets = { js: 204_800, css: 40_000 };

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const asked = [...html.matchAll(/(?:src|href)="\/([^"]+\.(js|css))"/g)];
const total = { js: 0, css: 0 };
for (const [, path, kind] of asked) total[kind] += gzipSync(readFileSync(join(dist, path)), { level: 9 }).length;

let over = false;
for (const [kind, budget] of Object.entries(budgets)) {
  console.log(`first load ${kind}: ${kb(total[kind])} of ${kb(budget)} gzipped`);
  over ||= total[kind] > budget;
}
if (over) {
  console.error('The first load is over its budget: load what is not needed at once later, or raise the budget with a reason.');
  process.exit(1);
}
