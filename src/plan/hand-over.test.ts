import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planHandOver } from './hand-over.js';

const alone = () => undefined;

test('the first process that uses a description makes it, the others take it from there', () => {
  const plan = planHandOver({
    tables: [
      [1, 2],
      [2, 3, 2],
      [3, 1],
    ],
    resourceOf: alone,
  });
  assert.deepEqual(plan.makes, [[[1], [2]], [[3]], []]);
  assert.deepEqual(plan.takes, [
    [],
    [{ id: 2, from: 0 }],
    [
      { id: 3, from: 1 },
      { id: 1, from: 0 },
    ],
  ]);
});

test('the ends of a pipe are made together, by the first process that has either', () => {
  const resourceOf = (id: number) => (id >= 10 ? `pipe ${id % 10}` : undefined);
  const plan = planHandOver({ tables: [[1], [13, 2], [23, 14], [24, 13]], resourceOf });
  assert.deepEqual(plan.makes, [[[1]], [[13, 23], [2]], [[14, 24]], []]);
  assert.deepEqual(plan.takes, [
    [],
    [],
    [{ id: 23, from: 1 }],
    [
      { id: 24, from: 2 },
      { id: 13, from: 1 },
    ],
  ]);
});

test('duplicates within a table are made once and never taken', () => {
  const plan = planHandOver({ tables: [[5, 5, 5]], resourceOf: () => 'pipe' });
  assert.deepEqual(plan, { makes: [[[5]]], takes: [[]] });
});
