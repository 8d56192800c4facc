import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoom } from './fd-room.js';

test('numbers of ours are above all saved ones', () => {
  assert.equal(findRoom([], { wanted: 10, limit: 100 }), 3);
  assert.equal(findRoom([7, 3, 3], { wanted: 92, limit: 100 }), 8);
});

test('below a number near the limit they are in the widest gap', () => {
  assert.equal(findRoom([7, 20, 99], { wanted: 70, limit: 100 }), 21);
  assert.equal(findRoom([60, 99], { wanted: 50, limit: 100 }), 3);
});

test('no room is told, with the limit that would give it', () => {
  assert.throws(() => findRoom([50, 99], { wanted: 50, limit: 100 }), {
    what: 'the saved descriptor tables leave no room for 50 numbers in a row below our limit, 100',
    remedy: 'run woodfrog with a higher limit: ulimit -Hn 150',
  });
});
