import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { eventfd } from './eventfd.js';
import { noOwner } from './registry.js';

const description = (lines: string) =>
  descriptionOf('anon_inode:[eventfd]', { flags: '02004002', lines });
const common = { id: 7, flags: 0o4002, fown: noOwner() };

test('the counter is read as a word of 64 bits, EFD_SEMAPHORE where the kernel shows it', () => {
  const wide = description('eventfd-count:  123456789abcdef\neventfd-id: 3\n');
  assert.deepEqual(entryOf(eventfd, { description: wide }), {
    ...common,
    counter: 0x123456789abcdefn,
  });
  const semaphore = description('eventfd-count:   3\neventfd-id: 1\neventfd-semaphore: 1\n');
  const entry = { ...common, counter: 3n, semaphore: true };
  assert.deepEqual(entryOf(eventfd, { description: semaphore }), entry);
  assert.throws(
    () => entryOf(eventfd, { description: description('eventfd-count: ffffffffffffffff\n') }),
    /overflown/,
  );
});

test('the counter is written, for initval has 32 bits', () => {
  assert.deepEqual(stepsOf(eventfd, { ...common, counter: 1n << 40n, semaphore: true }), [
    'make: eventfd2(0, EFD_SEMAPHORE) = 0',
    'make: fcntl(0, F_DUPFD_CLOEXEC, 0x29) = 41',
    'make: close(0)',
    'make: write(41, <8 bytes>, 8) = 8',
    'make: fcntl(41, F_SETFL, 0x800)',
  ]);
  const plain = stepsOf(eventfd, { ...common, flags: 2, counter: 0n });
  assert.deepEqual(plain.slice(3), []);
});
