import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { EAGAIN, ENOENT, ERESTARTSYS, ERRNO, errnoName, errnoNumber } from './errno.js';

test('every errno that libc knows has its number here', () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    assert.equal(errnoNumber(name), number, name);
  }
});

test('no two names share a number', () => {
  const numbers = Object.values(ERRNO);
  assert.equal(new Set(numbers).size, numbers.length);
});

test('names are given for numbers, also for those only a tracer sees', () => {
  assert.equal(errnoName(ENOENT), 'ENOENT');
  assert.equal(errnoName(EAGAIN), 'EAGAIN');
  assert.equal(errnoName(ERESTARTSYS), 'ERESTARTSYS');
  assert.equal(errnoName(4095), 'errno 4095');
});

test('a text that is no errno is refused by name', () => {
  assert.throws(() => errnoNumber('EFOO'), /'EFOO' is not the name of an errno/);
  assert.throws(() => errnoNumber('toString'), /'toString'/);
});
