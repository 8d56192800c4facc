/** The documents tell every refusal, in the words of its error. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { refusals } from '../kernel/refusals/table.js';

const COLUMNS = 4;
const text = readFileSync('docs/limits.md', 'utf8');
const refused = text.slice(
  text.indexOf('## What is refused, and why'),
  text.indexOf('## What is neither saved nor refused'),
);
/** The rows of its tables, each as its cells. */
const rows = refused
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
  .filter(([first = '']) => !/^ (object|---) $/.test(first));

for (const { program, name, says } of refusals) {
  test(`docs/limits.md has a row for ${program} ${name}`, () => {
    const found = rows.filter((cells) => says.every((words) => words.test(cells.join(' '))));
    assert.notEqual(found.length, 0, `no row says ${says.join(' and ')}`);
  });
}

test('a refusal is told by what, why and the way out', () => {
  assert.ok(rows.length > 60);
  for (const cells of rows) {
    assert.equal(cells.length, COLUMNS, cells.join('|'));
    for (const cell of cells) assert.notEqual(cell.trim(), '', cells.join('|'));
  }
});

test('no object is told twice', () => {
  const objects = rows.map(([object = '']) => object.trim());
  assert.deepEqual(objects, [...new Set(objects)]);
});
