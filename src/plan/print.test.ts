import assert from 'node:assert/strict';
import { test } from 'node:test';
import { close, fcntlPtr, openat, write } from '../linux/syscalls/files.js';
import { futex, pidfdGetfd, pidfdOpen } from '../linux/syscalls/tasks.js';
import { O_RDWR } from '../linux/uapi/fcntl.js';
import { Plan } from './plan.js';
import { printPlan, printTrack } from './print.js';
import { WordAt } from './track.js';

const open = { dirfd: -100, pathname: '/tmp/x', flags: O_RDWR, mode: 0 };

test('steps read as strace shows them, with what must come out and what they are for', () => {
  const plan = new Plan(0x1000_0000_0000);
  const task = plan.track({ name: 'pid 12 (bash)', vpid: 12, process: 12, temporaryFds: 100 });
  const options = { object: 'regular file 3', fd: 5 };
  task.track.at('make').newFd(openat, open, options);
  task.track.at('births').call(close, { fd: 0 }, { onError: 'ignore' });
  plan.host({ stage: 'make', what: 'write the uid map', run: () => {} });
  assert.equal(
    printPlan(plan),
    `births:
  [pid 12 (bash)] close(0) = may fail
make:
  [woodfrog] write the uid map
  [pid 12 (bash)] openat(AT_FDCWD, "/tmp/x", O_RDWR, 00) = must be 0   # regular file 3, fd 5
  [pid 12 (bash)] fcntl(0, F_DUPFD_CLOEXEC, 0x64) = must be 100   # regular file 3, fd 5
  [pid 12 (bash)] close(0)   # regular file 3, fd 5
`,
  );
});

test('results that are used are numbered, in the order of the plan', () => {
  const plan = new Plan(0x1000_0000_0000);
  const one = plan.track({ name: 'pid 1 (a)', vpid: 1, process: 1 }).track;
  const two = plan.track({ name: 'pid 2 (b)', vpid: 2, process: 2 }).track;
  const late = two.at('fill').call(pidfdOpen, { pid: 1, flags: 0 }, { object: 'late' });
  const early = one.at('make').call(pidfdOpen, { pid: 2, flags: 0 });
  one.call(pidfdGetfd, { pidfd: early, targetfd: 4, flags: 0 });
  two.call(close, { fd: late });
  two.call(fcntlPtr, { fd: early, cmd: new WordAt(0x2000), arg: Uint8Array.of(1, 2) });
  two.call(futex, ({ resultOf, startOf }) => ({
    uaddr: resultOf(early.step),
    op: 0,
    val: 0,
    timeout: 0,
    uaddr2: startOf(one),
    val3: 0x10,
  }));
  assert.equal(
    printPlan(plan),
    `make:
  [pid 1 (a)] pidfd_open(2, 0x0) = #1
  [pid 1 (a)] pidfd_getfd(result of pidfd_open #1, 4, 0x0)
fill:
  [pid 2 (b)] pidfd_open(1, 0x0) = #2   # late
  [pid 2 (b)] close(result of pidfd_open #2)
  [pid 2 (b)] fcntl(result of pidfd_open #1, the word at 0x2000, <2 bytes>)
  [pid 2 (b)] futex(address of result of pidfd_open #1, FUTEX_WAIT, 0, NULL, tape of pid 1 (a), 0x10)
`,
  );
  assert.equal(
    printTrack(one, plan),
    'pidfd_open(2, 0x0) = #1\npidfd_getfd(result of pidfd_open #1, 4, 0x0)\n',
  );
});

test('an empty plan is no text', () => {
  assert.equal(printPlan(new Plan(0)), '');
});

test('printing leaves arguments that have no symbols as they are', () => {
  const plan = new Plan(0x1000_0000_0000);
  const { track } = plan.track({ name: 'pid 1 (a)', vpid: 1, process: 1 });
  const place = plan.memory.reserve(16);
  track.call(write, { fd: 1, buf: place, count: 16 }, { mustEqual: 16n });
  assert.equal(printTrack(track, plan), 'write(1, 0x100000010000<16>, 16) = must be 16\n');
});
