import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { noOwner } from './registry.js';
import { signalfd } from './signalfd.js';

test('the set is a word of 64 bits', () => {
  const lines = 'sigmask:\t8000000000000a00\n';
  const description = descriptionOf('anon_inode:[signalfd]', { lines });
  const entry = { id: 7, flags: 2, fown: noOwner(), sigmask: 0x8000_0000_0000_0a00n };
  assert.deepEqual(entryOf(signalfd, { description }), entry);
  assert.deepEqual(stepsOf(signalfd, { ...entry, flags: 0o4002 }), [
    'make: signalfd4(-1, <8 bytes>, 8, 0x0) = 0',
    'make: fcntl(0, F_DUPFD_CLOEXEC, 0x29) = 41',
    'make: close(0)',
    'make: fcntl(41, F_SETFL, 0x800)',
  ]);
});
