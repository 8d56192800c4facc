import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCpuCaps } from './cpu-cap.js';

test('names are added, and taken away behind a ^', () => {
  assert.deepEqual(parseCpuCaps(''), ['fpu', 'ins', 'cpu']);
  assert.deepEqual(parseCpuCaps('all'), ['fpu', 'ins', 'cpu']);
  assert.deepEqual(parseCpuCaps('none'), []);
  assert.deepEqual(parseCpuCaps('cpu,fpu'), ['fpu', 'cpu']);
  assert.deepEqual(parseCpuCaps('all,^ins'), ['fpu', 'cpu']);
  assert.deepEqual(parseCpuCaps('^ins'), ['fpu']);
  assert.deepEqual(parseCpuCaps('all,none,ins'), ['ins']);
  for (const wrong of ['bogus', 'fpu,', '^none', 'op=noxsaves']) {
    assert.throws(() => parseCpuCaps(wrong), /Option '--cpu-cap' has the value/);
  }
});
