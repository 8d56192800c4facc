import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, ENOENT } from '../../linux/errno.js';
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, timespec } from '../../linux/uapi/sched.js';
import { Plan } from '../../plan/plan.js';
import { printTrack } from '../../plan/print.js';
import type { KernelPort, PortBuffer } from '../ports.js';
import {
  addTimes,
  type Clocks,
  clockOffsets,
  enterTimeNamespace,
  observeClocks,
  readHostClocks,
  subtractTimes,
  type Timespec,
} from './time.js';

const time = (tv_sec: number, tv_nsec: number): Timespec => ({ tv_sec, tv_nsec });

test('nanoseconds are carried, also below zero', () => {
  assert.deepEqual(addTimes(time(1, 600_000_000), time(2, 500_000_000)), time(4, 100_000_000));
  assert.deepEqual(subtractTimes(time(3, 100), time(1, 200)), time(1, 999_999_900));
  assert.deepEqual(subtractTimes(time(1, 200), time(3, 100)), time(-2, 100));
  assert.deepEqual(subtractTimes(time(1, 0), time(1, 300_000_000)), time(-1, 700_000_000));
  assert.deepEqual(addTimes(time(-1, 700_000_000), time(0, 300_000_000)), time(0, 0));
});

test('offsets make clocks read as saved: forwards, backwards, not at all', () => {
  const now: Clocks = { monotonic: time(100, 500_000_000), boottime: time(7, 0) };
  const saved: Clocks = { monotonic: time(7248, 510_835_074), boottime: time(5, 999_999_999) };
  assert.equal(clockOffsets(saved, now), 'monotonic 7148 10835074\nboottime -2 999999999\n');
  assert.equal(clockOffsets(now, now), 'monotonic 0 0\nboottime 0 0\n');
});

interface World {
  clocks: Record<number, Timespec>;
  files: Record<string, string | number>;
  links?: Record<string, string>;
}

/** A port that answers from data; anything else is undefined and throws. */
function portOf({ clocks, files, links = {} }: World): KernelPort {
  const port: Partial<KernelPort> = {
    attemptReadText: (path) => files[path] ?? -ENOENT,
    readLink: (path) => links[path] ?? 'time:[4026531834]',
    scope: () => ({
      alloc: (length): PortBuffer => ({ address: 0, length, bytes: new Uint8Array(length) }),
      [Symbol.dispose]() {},
    }),
    call: (_, args) => {
      const { clockid, tp } = args as unknown as { clockid: number; tp: PortBuffer };
      const now = clocks[clockid];
      assert(now);
      tp.bytes.set(timespec.encode(now));
      return 0;
    },
  };
  return port as KernelPort;
}

const clocks = {
  [CLOCK_MONOTONIC]: time(1000, 100_000_000),
  [CLOCK_BOOTTIME]: time(2000, 200_000_000),
};
const offsets = (monotonic: string, boottime: string): string =>
  `monotonic ${monotonic.padStart(20)}\nboottime  ${boottime.padStart(20)}\n`;

test("a process's clocks are ours, less our offsets, plus its own", () => {
  const files = {
    '/proc/self/timens_offsets': offsets('10 900000000', '-5 0'),
    '/proc/77/timens_offsets': offsets('-100 500000000', '3 0'),
  };
  const port = portOf({ clocks, files });
  assert.deepEqual(readHostClocks(port), {
    monotonic: time(989, 200_000_000),
    boottime: time(2005, 200_000_000),
  });
  assert.deepEqual(observeClocks(port, 77), {
    monotonic: time(889, 700_000_000),
    boottime: time(2008, 200_000_000),
  });
});

test('a kernel without time namespaces has no offsets', () => {
  const port = portOf({ clocks, files: {} });
  assert.deepEqual(observeClocks(port, 77), {
    monotonic: clocks[CLOCK_MONOTONIC],
    boottime: clocks[CLOCK_BOOTTIME],
  });
});

test('offsets that cannot be known are refused', () => {
  const files = {
    '/proc/self/timens_offsets': offsets('0 0', '0 0'),
    '/proc/77/timens_offsets': offsets('1 0', '0 0'),
  };
  const links = { '/proc/77/ns/time_for_children': 'time:[4026532000]' };
  assert.throws(() => observeClocks(portOf({ clocks, files, links }), 77), {
    code: 'unsupported',
    message: /time namespace of pid 77: unshare\(CLONE_NEWTIME\) without a child/,
  });
  const denied = { ...files, '/proc/77/timens_offsets': -EACCES };
  assert.throws(() => observeClocks(portOf({ clocks, files: denied }), 77), {
    code: 'refused',
    message: "reading '/proc/77/timens_offsets': EACCES",
  });
});

test("a zombie has left its namespaces, and its clocks are the host's", () => {
  const files = {
    '/proc/self/timens_offsets': offsets('1 0', '1 0'),
    '/proc/77/timens_offsets': '',
  };
  const port = portOf({ clocks, files });
  assert.deepEqual(observeClocks(port, 77), readHostClocks(port));
});

test('a track enters a time namespace whose offsets are set before a child is born', () => {
  const plan = new Plan(0x1000_0000_0000);
  const { track } = plan.track({ name: 'first helper', process: 0 });
  enterTimeNamespace(track, 'monotonic 1 0\nboottime 2 0\n');
  assert.equal(
    printTrack(track, plan),
    `unshare(CLONE_NEWTIME)   # time namespace
openat(AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY, 00) = #1   # time namespace
write(result of openat #1, <27 bytes>, 27) = must be 27   # time namespace
close(result of openat #1)   # time namespace
`,
  );
  const args = track.steps[2]?.args as { buf: Uint8Array };
  assert.equal(new TextDecoder().decode(args.buf), 'monotonic 1 0\nboottime 2 0\n');
});
