import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as resource from './resource.js';

test('names and numbers agree', () => {
  let count = 0;
  for (const [name, number] of Object.entries(resource)) {
    if (typeof number !== 'number' || !name.startsWith('RLIMIT_')) continue;
    assert.equal(resource.rlimitName(number), name);
    count++;
  }
  assert.equal(count, resource.RLIM_NLIMITS);
  assert.equal(resource.rlimitName(16), 'RLIMIT_16');
});
