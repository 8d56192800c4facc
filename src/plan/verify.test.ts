import assert from 'node:assert/strict';
import { test } from 'node:test';
import { close, closeRange, dup, dup3, fcntl, openat } from '../linux/syscalls/files.js';
import { mmap, mprotect, mremap, munmap } from '../linux/syscalls/memory.js';
import { exitGroup, futex, getpid, pidfdOpen } from '../linux/syscalls/tasks.js';
import { F_DUPFD_CLOEXEC } from '../linux/uapi/fcntl.js';
import { MAP_FIXED, MAP_PRIVATE, MREMAP_FIXED, MREMAP_MAYMOVE } from '../linux/uapi/mman.js';
import { bearThread } from './births.js';
import { PLAN_LENGTH, Plan, type TrackTask } from './plan.js';
import type { Stage } from './stages.js';
import { Step, Track } from './track.js';
import { verifyPlan } from './verify.js';

const BASE = 0x1000_0000_0000;

function planOf(...vpids: number[]): { plan: Plan; tasks: TrackTask[]; tracks: Track[] } {
  const plan = new Plan(BASE);
  const tasks = vpids.map((vpid) =>
    plan.track({ name: `pid ${vpid}`, vpid, process: vpid, temporaryFds: 100 }),
  );
  return { plan, tasks, tracks: tasks.map(({ track }) => track) };
}

function oneTrack(): { plan: Plan; task: TrackTask; track: Track } {
  const { plan, tasks } = planOf(10);
  const [task] = tasks;
  assert(task);
  return { plan, task, track: task.track };
}

function twoTracks(): { plan: Plan; one: Track; two: Track } {
  const { plan, tracks } = planOf(10, 11);
  const [one, two] = tracks;
  assert(one && two);
  return { plan, one, two };
}

const rejects = (plan: Plan, message: RegExp): void =>
  assert.throws(() => verifyPlan(plan), { code: 'bug', message });

const open = { dirfd: -100, pathname: '/', flags: 0, mode: 0 };

test('a result is used after the step that gives it, whatever the order of adding', () => {
  const { plan, track } = oneTrack();
  const fd = track.at('memory').call(pidfdOpen, { pid: 1, flags: 0 });
  track.at('fill').call(close, { fd });
  verifyPlan(plan);
  track.at('make').call(close, { fd }, { object: 'pidfd 3' });
  rejects(plan, /'pid 10': close \(pidfd 3\) uses the result of pidfd_open before it is there/);
});

test('a result of another track is of an earlier stage', () => {
  const { plan, one, two } = twoTracks();
  const fd = one.at('make').call(pidfdOpen, { pid: 1, flags: 0 });
  two.at('memory').call(close, { fd });
  verifyPlan(plan);
  two.at('make').call(close, { fd });
  rejects(plan, /uses the result of pidfd_open of 'pid 10', which is not of an earlier stage/);
});

test('the address of a result counts as its use', () => {
  const { plan, one, two } = twoTracks();
  const value = one.at('make').call(getpid, {});
  const wait = (track: Track) =>
    track.call(futex, ({ resultOf }) => ({
      uaddr: resultOf(value.step),
      op: 0,
      val: 0,
      timeout: 0,
      uaddr2: 0,
      val3: 0,
    }));
  wait(two.at('memory'));
  verifyPlan(plan);
  wait(two.at('make'));
  rejects(plan, /'pid 11': futex uses the result of getpid of 'pid 10'/);
});

test('a result of a track outside the plan is refused', () => {
  const { plan, track } = oneTrack();
  const stray = new Track({ name: 'stray', memory: plan.memory });
  const fd = stray.call(pidfdOpen, { pid: 1, flags: 0 });
  track.at('fill').call(close, { fd });
  rejects(plan, /uses the result of pidfd_open, which is not in the plan/);
});

const anywhere = { prot: 0, fd: -1, offset: 0, length: 4096 };
const ranges: [string, boolean, (track: Track) => void][] = [
  ['a hint', true, (t) => t.call(mmap, { ...anywhere, addr: BASE, flags: MAP_PRIVATE })],
  ['mmap', false, (t) => t.call(mmap, { ...anywhere, addr: BASE, flags: MAP_FIXED + 2 })],
  [
    'mmap over its end',
    false,
    (t) =>
      t.call(mmap, {
        ...anywhere,
        addr: BASE + PLAN_LENGTH - 4096,
        length: 8192,
        flags: MAP_FIXED,
      }),
  ],
  [
    'mmap behind its end',
    true,
    (t) => t.call(mmap, { ...anywhere, addr: BASE + PLAN_LENGTH, flags: MAP_FIXED }),
  ],
  ['munmap below', true, (t) => t.call(munmap, { addr: 0, length: BASE })],
  ['munmap', false, (t) => t.call(munmap, { addr: 0, length: BASE + 1 })],
  ['mprotect', false, (t) => t.call(mprotect, { addr: BASE + 4096, length: 4096, prot: 0 })],
  [
    'mremap from',
    false,
    (t) =>
      t.call(mremap, {
        old_address: BASE,
        old_size: 4096,
        new_size: 4096,
        flags: MREMAP_MAYMOVE,
        new_address: 0,
      }),
  ],
  [
    'mremap to',
    false,
    (t) =>
      t.call(mremap, {
        old_address: 4096,
        old_size: 4096,
        new_size: 8192,
        flags: MREMAP_MAYMOVE + MREMAP_FIXED,
        new_address: BASE - 4096,
      }),
  ],
];
for (const [name, isFine, add] of ranges) {
  test(`${name}: ${isFine ? 'leaves the plan alone' : 'may not touch the plan'}`, () => {
    const { plan, track } = oneTrack();
    add(track.at('memory'));
    if (isFine) verifyPlan(plan);
    else rejects(plan, /'pid 10': \w+ changes 0x.*, where the plan itself lies/);
  });
}

test('a temporary descriptor is given once while it is open', () => {
  const { plan, track } = oneTrack();
  const fd = track.at('make').newFd(openat, open, { object: 'file 1' });
  const again = { fd: 0, cmd: F_DUPFD_CLOEXEC, arg: fd };
  track.at('fill').call(close, { fd });
  track.at('task state').call(fcntl, again, { mustEqual: fd });
  verifyPlan(plan);
  track.at('threads').call(fcntl, again, { mustEqual: fd, object: 'file 2' });
  rejects(plan, /'pid 10': fcntl \(file 2\) gives descriptor 100, which fcntl \(no object\) has/);
});

test('dup3 gives a number once in a table, which threads share and processes do not', () => {
  const { plan, tasks, tracks } = planOf(10, 11);
  const [one, two] = tracks;
  const [leader] = tasks;
  assert(one && two && leader);
  one.at('descriptors').call(dup3, { oldfd: 100, newfd: 5, flags: 0 });
  two.at('descriptors').call(dup3, { oldfd: 100, newfd: 5, flags: 0 });
  verifyPlan(plan);
  const thread = bearThread(plan, leader, { vtid: 12, comm: 'sh' });
  thread.track.at('threads').call(dup3, { oldfd: 100, newfd: 5, flags: 0 });
  rejects(plan, /'tid 12 of pid 10 \(sh\)': dup3 \(no object\) gives descriptor 5/);
});

test('close_range frees the numbers in its range', () => {
  const { plan, track } = oneTrack();
  const give = (newfd: number): void => {
    track.call(dup3, { oldfd: 0, newfd, flags: 0 });
  };
  track.at('make');
  give(5);
  track.call(closeRange, { first: 5, last: 9, flags: 0 });
  give(5);
  verifyPlan(plan);
  track.call(closeRange, { first: 6, last: 9, flags: 0 });
  give(5);
  rejects(plan, /gives descriptor 5, which dup3/);
});

test('a descriptor whose number nobody named is nobody else’s business', () => {
  const { plan, track } = oneTrack();
  track.at('make').call(dup, { oldfd: 5 });
  track.call(dup, { oldfd: 5 });
  verifyPlan(plan);
});

const spans: [Stage, Stage, Stage][] = [
  ['threads', 'commit', 'ends'],
  ['births', 'ends', 'threads'],
];
for (const [first, last, at] of spans) {
  test(`a track from '${first}' to '${last}' takes no step in '${at}'`, () => {
    const { plan } = oneTrack();
    const span = { first, last };
    const { track } = plan.track({ name: 'pid 11', vpid: 11, process: 11 }, span);
    track.at(first).call(getpid, {});
    track.at(last).call(exitGroup, { status: 0 });
    verifyPlan(plan);
    track.at(at).call(exitGroup, { status: 0 });
    rejects(plan, /'pid 11': exit_group is in the stage '.*', but the track is there from/);
  });
}

test('a track that ends early ends itself', () => {
  const { plan } = oneTrack();
  const { track } = plan.track({ name: 'helper', process: 0 }, { last: 'ends' });
  rejects(plan, /'helper' ends with the stage 'ends' but not with exit_group/);
  track.at('births').call(exitGroup, { status: 0 });
  verifyPlan(plan);
  track.at('ends').call(getpid, {});
  rejects(plan, /'helper' ends with the stage 'ends' but not with exit_group/);
});

test('a barrier that no track reaches is refused', () => {
  const plan = new Plan(BASE);
  const { track } = plan.track({ name: 'helper', process: 0 }, { last: 'births' });
  track.call(exitGroup, { status: 0 });
  rejects(plan, /no track is there to finish the stage 'births'/);
});

test('a pid belongs to one track', () => {
  rejects(planOf(10, 11, 10).plan, /'pid 10' and 'pid 10' have the same pid, 10/);
});

test('every track but the first is born, once, in its first stage', () => {
  const { plan, task, track } = oneTrack();
  const thread = bearThread(plan, task, { vtid: 11, comm: 'sh' });
  verifyPlan(plan, { first: track });
  assert.throws(() => verifyPlan(plan, { first: thread.track }), /'pid 10' is never born/);
  thread.track.firstStage = 'pending signals';
  rejects(plan, /'tid 11 .*' begins in 'pending signals' but is born in 'threads'/);
  thread.track.firstStage = 'threads';
  const birth = track.steps[0];
  assert(birth);
  track.steps.push(new Step(birth.call, birth, {}));
  rejects(plan, /'tid 11 of pid 10 \(sh\)' is born twice/);
});
