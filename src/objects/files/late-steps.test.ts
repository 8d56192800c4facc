import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePort } from '../../../test/support/task-states.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { printCall } from '../../linux/syscall.js';
import { F_OWNER_PID, F_OWNER_TID, FASYNC, flock } from '../../linux/uapi/fcntl.js';
import { Plan } from '../../plan/plan.js';
import type { ProcessRebuild, RebuildInputs } from '../rebuild-context.js';
import { addLocks, addOwners, type Readiness } from './late-steps.js';
import type { FileLockEntry } from './locks.js';

function setup(locks: readonly FileLockEntry[] = []) {
  const plan: RebuildInputs['plan'] = new Plan(0x1_0000_0000);
  const processes = [10, 11].map((vpid): ProcessRebuild => {
    const { track } = plan.track({ name: `pid ${vpid}`, process: vpid, vpid });
    const process = { vpid, track } as unknown as ProcessRebuild;
    process.owner = { files_id: process } as ProcessRebuild['owner'];
    return process;
  });
  const images = new ImageSet();
  for (const lock of locks) images.add(IMAGES.FILE_LOCKS, lock);
  const context = { plan, processes, images, port: fakePort() } as unknown as RebuildInputs;
  const steps = processes.map(({ track }) => track.steps);
  const printed = (i: number): string[] =>
    (steps[i] ?? []).map(({ call, args, stage }) => {
      assert.equal(stage, 'pending signals');
      return printCall(call, args as never);
    });
  return { context, processes, steps, printed };
}

const lock = (flag: number, type: number, more: Partial<FileLockEntry> = {}): FileLockEntry => ({
  ...{ flag, type, pid: 10, fd: 3, start: 0n, len: 0n, ...more },
});

test('locks are set through the numbers the program knows, and never waited for', () => {
  const { context, printed } = setup([lock(2, 0), lock(2, 1, { fd: 4 }), lock(8, 1)]);
  addLocks(context);
  assert.deepEqual(printed(0), [
    'flock(3, LOCK_SH|LOCK_NB)',
    'flock(4, LOCK_EX|LOCK_NB)',
    'fcntl(3, F_SETLEASE, 0x1)',
  ]);
});

test('POSIX and OFD locks have their range', () => {
  const { context, printed, steps } = setup([
    lock(1, 1, { pid: 11, start: 10n, len: 20n }),
    lock(4, 0, { pid: 11, start: 1n << 62n }),
  ]);
  addLocks(context);
  assert.deepEqual(printed(1), [
    'fcntl(3, F_SETLK, <32 bytes>)',
    'fcntl(3, F_OFD_SETLK, <32 bytes>)',
  ]);
  const ranges = (steps[1] ?? []).map(({ args }) =>
    flock.decode((args as { arg: Uint8Array }).arg),
  );
  const whence = { l_whence: 0, l_pid: 0 };
  assert.deepEqual(ranges, [
    { l_type: 1, ...whence, l_start: 10n, l_len: 20n },
    { l_type: 0, ...whence, l_start: 1n << 62n, l_len: 0n },
  ]);
});

test('locks of nobody, and of no known kind, are errors of the images', () => {
  assert.throws(() => addLocks(setup([lock(2, 1, { pid: 99 })]).context), /pid 99 holds a lock/);
  assert.throws(() => addLocks(setup([lock(64, 1)]).context), /no known kind \(64\)/);
});

const owner = (more: object) => ({
  ...{ uid: 0, euid: 0, signum: 0, pid_type: F_OWNER_PID, pid: 0, ...more },
});
const ownersOf = (readiness: Omit<Readiness, 'object'>): string[] => {
  const { context, printed } = setup();
  const descriptor = { id: 7, flags: 0, type: 1 };
  const tables = [
    [
      { ...descriptor, fd: 5 },
      { ...descriptor, fd: 6 },
    ],
    [{ ...descriptor, fd: 9 }],
  ];
  addOwners(context, tables, () => ({ object: 'pipe 7', ...readiness }));
  assert.deepEqual(printed(1), []);
  return printed(0);
};

test('an owner, its signal and O_ASYNC come once, in this order, at the lowest number', () => {
  const calls = ownersOf({ owner: owner({ pid: 11, signum: 40 }), flags: FASYNC | 1 });
  assert.deepEqual(calls, [
    'fcntl(5, F_SETOWN_EX, <8 bytes>)',
    'fcntl(5, F_SETSIG, 0x28)',
    'fcntl(5, F_SETFL, 0x2001)',
  ]);
});

test('nothing is done for what has no owner; a signal can be alone', () => {
  assert.deepEqual(ownersOf({ owner: undefined, flags: 2 }), []);
  assert.deepEqual(ownersOf({ owner: owner({}), flags: 2 }), []);
  assert.deepEqual(ownersOf({ owner: owner({ signum: 10, pid_type: F_OWNER_TID }), flags: 2 }), [
    'fcntl(5, F_SETSIG, 0xa)',
  ]);
});

test('an owner is set as the user who set it', () => {
  assert.deepEqual(ownersOf({ owner: owner({ pid: 11, euid: 1234 }), flags: 0 }), [
    'setresuid(0, 1234, 0)',
    'fcntl(5, F_SETOWN_EX, <8 bytes>)',
    'setresuid(0, 0, 0)',
  ]);
});
