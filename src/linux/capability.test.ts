import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as capability from './capability.js';

test('names and numbers agree', () => {
  for (const [name, number] of Object.entries(capability)) {
    if (typeof number === 'number') assert.equal(capability.capabilityName(number), name);
  }
  assert.equal(capability.CAP_NAMES.length, 41);
  assert.equal(capability.capabilityName(63), 'CAP_63');
});

test('a set is read bit by bit', () => {
  const set = 0x0000_0100_0020_0001n;
  assert.deepEqual(capability.capabilityNames(set), [
    'CAP_CHOWN',
    'CAP_SYS_ADMIN',
    'CAP_CHECKPOINT_RESTORE',
  ]);
  assert.equal(capability.hasCapability(set, capability.CAP_SYS_RESOURCE), false);
});
