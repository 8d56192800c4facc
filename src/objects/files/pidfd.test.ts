import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { pidfd } from './pidfd.js';
import { noOwner } from './registry.js';

const viewOf = (pid: number, flags = '02000002') =>
  descriptionOf('anon_inode:[pidfd]', {
    ...{ flags, lines: `Pid:\t${pid}\nNSpid:\t${pid}\n` },
    stat: { ino: 0x1_0000_0007n },
  });
const tree = {
  processes: [{ pid: 10, vpid: 5, threads: [{ tid: 10 }, { tid: 11 }] }],
};
const observed = (pid: number): unknown =>
  pidfd.observe?.({} as never, [viewOf(pid)], tree as never);

test('a pidfd is of a process of the tree, or of one that is gone', () => {
  assert.equal(observed(10), 5);
  assert.equal(observed(-1), -1);
  assert.throws(() => observed(11), /of a thread, 11/);
  assert.throws(() => observed(12), /process 12, which is outside the tree/);
});

const common = { id: 7, fown: noOwner(), ino: 7 };

test('the entry is as CRIU writes it: flags of pidfd_open, 32 bits of the inode', () => {
  const description = viewOf(10, '04002');
  const entry = entryOf(pidfd, { description, seen: 5 });
  assert.deepEqual(entry, { ...common, flags: 0o4000, nspid: 5 });
});

test('the living are opened by pid, the dead handed over', () => {
  assert.deepEqual(
    stepsOf(pidfd, { ...common, flags: 0o4000, nspid: 5 })[0],
    'make: pidfd_open(5, 0x800) = 0',
  );
  const context = { controlFd: 40, hostEndedPidfds: () => [61] };
  const steps = stepsOf(pidfd, { ...common, flags: 0o4000, nspid: -1 }, { context });
  assert.equal(steps[0], 'make: pidfd_getfd(40, 61, 0x0) = 0');
  assert.equal(steps.at(-1), 'make: fcntl(41, F_SETFL, 0x800)');
});
