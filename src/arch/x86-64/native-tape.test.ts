/** The interpreter, run natively. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { NR } from '../../linux/syscall-numbers.js';
import { NR_IA32 } from '../../linux/syscall-numbers-32.js';
import { viewOf } from '../../support/bytes.js';
import {
  BASE,
  CHILD_EPILOGUE,
  CHILD_TAPE,
  clone_args,
  DATA,
  EPILOGUE,
  exitWith,
  makeNativeDriver,
  type NativeDriver,
  type Outcome,
  resultAddress,
  resultOf,
} from './fixtures/native.js';
import {
  encodeTape,
  RECORD_SIZE,
  TAPE_IA32,
  TAPE_INDIRECT_ARG,
  TAPE_MUST_EQUAL,
  TAPE_ON_ERROR,
  TAPE_SET_EPILOGUE,
  type TapeRecord,
} from './tape-interpreter.js';

const SIGCHLD = 17n;
const EBADF = 9;
const CLONE_VM = 0x100n;
const CLONE_VFORK = 0x4000n;

let native: NativeDriver;
before(() => {
  native = makeNativeDriver();
});
after(() => native.remove());

test('a tape stores the result of each call and leaves the rest poisoned', () => {
  const outcome = native.runTape({
    tape: [{ nr: NR.getppid }, { nr: NR.umask, args: [0o123] }, exitWith(5), { nr: NR.getpid }],
  });
  assert.equal(outcome.status, 5);
  assert.deepEqual(resultOf(outcome, 0), { state: 'done', value: BigInt(process.pid) });
  assert.deepEqual(resultOf(outcome, 1), { state: 'done', value: BigInt(process.umask()) });
  assert.deepEqual(resultOf(outcome, 2), { state: 'pending' });
  assert.deepEqual(resultOf(outcome, 3), { state: 'pending' });
});

test('each of the six arguments arrives, directly and through an earlier result', () => {
  // mmap takes six; with all of them indirect it must map the image file's third page again, at a fixed place.
  const [where, length, protection, flags] = [BASE + 0x100000, 0x1000, 3, 0x11];
  const words = new Uint8Array(48);
  const view = viewOf(words);
  [where, length, protection, flags, 3, DATA].forEach((value, i) => {
    view.setBigUint64(i * 8, BigInt(value), true);
  });
  let indirect = TAPE_ON_ERROR;
  for (let i = 0; i < 6; i++) indirect |= TAPE_INDIRECT_ARG(i);
  const outcome = native.runTape({
    tape: [
      {
        nr: NR.mmap,
        flags: indirect,
        args: [0, 1, 2, 3, 4, 5].map((i) => BASE + DATA + i * 8),
      },
      { nr: NR.getpid },
      { nr: NR.getpgid, args: [resultAddress(1)], flags: TAPE_INDIRECT_ARG(0) },
      { nr: NR.kill, args: [resultAddress(1), 0], flags: TAPE_INDIRECT_ARG(0) | TAPE_ON_ERROR },
      { nr: NR.mmap, args: [where + length, length, protection, flags, 3, DATA] },
      exitWith(6),
    ],
    epilogue: [exitWith(99)],
    parts: { [DATA]: words },
  });
  assert.equal(outcome.status, 6);
  assert.deepEqual(resultOf(outcome, 0), { state: 'done', value: BigInt(where) });
  assert.equal(resultOf(outcome, 2).state, 'done');
  assert.deepEqual(resultOf(outcome, 3), { state: 'done', value: 0n });
  assert.deepEqual(resultOf(outcome, 4), { state: 'done', value: BigInt(where + length) });
});

/** Its emulation brings this setting. */
const noIa32 = existsSync('/proc/sys/abi/vsyscall32') ? {} : { skip: 'no 32-bit system calls' };

test('a call of 32-bit code gets its six arguments, and its result', noIa32, () => {
  const [where, length, protection] = [0x2000_0000, 0x1000, 3];
  const MAP_PRIVATE_ANONYMOUS_FIXED = 0x32;
  const mmap2 = [where, length, protection, MAP_PRIVATE_ANONYMOUS_FIXED, -1, 0];
  const outcome = native.runTape({
    tape: [
      { nr: NR.getppid },
      { nr: NR_IA32.mmap2, flags: TAPE_IA32 | TAPE_ON_ERROR, args: mmap2 },
      { nr: NR_IA32.munmap, flags: TAPE_IA32 | TAPE_ON_ERROR, args: [where, length] },
      { nr: NR_IA32.write, flags: TAPE_IA32, args: [resultAddress(0), where, 1] },
      { nr: NR.umask, args: [0o123] },
      exitWith(4),
    ],
    epilogue: [exitWith(99)],
  });
  assert.equal(outcome.status, 4);
  assert.deepEqual(resultOf(outcome, 1), { state: 'done', value: BigInt(where) });
  assert.deepEqual(resultOf(outcome, 2), { state: 'done', value: 0n });
  assert.deepEqual(resultOf(outcome, 3), { state: 'failed', errno: EBADF });
  assert.deepEqual(resultOf(outcome, 4), { state: 'done', value: BigInt(process.umask()) });
});

test('an error jumps to the epilogue only when the record says so', () => {
  const bad = { nr: NR.close, args: [999] };
  const outcome = native.runTape({
    tape: [bad, { ...bad, flags: TAPE_ON_ERROR }, exitWith(1)],
    epilogue: [{ nr: NR.getpid }, bad, exitWith(7)],
  });
  assert.equal(outcome.status, 7);
  assert.deepEqual(resultOf(outcome, 0), { state: 'failed', errno: EBADF });
  assert.deepEqual(resultOf(outcome, 1), { state: 'failed', errno: EBADF });
  assert.deepEqual(resultOf(outcome, 2), { state: 'pending' });
  assert.deepEqual(resultOf(outcome, 1, EPILOGUE), { state: 'failed', errno: EBADF });
});

test('-4095 is an error and -4096 is a value', () => {
  // /proc/self/mem takes any offset, and lseek returns it.
  const seek = (to: number): TapeRecord => ({
    nr: NR.lseek,
    args: [resultAddress(0), to, 0],
    flags: TAPE_INDIRECT_ARG(0) | TAPE_ON_ERROR,
  });
  const outcome = native.runTape({
    tape: [{ nr: NR.open, args: [BASE + DATA, 0] }, seek(-4096), seek(-4095), exitWith(1)],
    epilogue: [exitWith(2)],
    parts: { [DATA]: Buffer.from('/proc/self/mem\0') },
  });
  assert.equal(outcome.status, 2);
  assert.deepEqual(resultOf(outcome, 1), { state: 'done', value: -4096n });
  assert.deepEqual(resultOf(outcome, 2), { state: 'failed', errno: 4095 });
});

test('a result that must equal another stops the tape there, and is stored', () => {
  const ppid = process.pid;
  const outcome = native.runTape({
    tape: [
      { nr: NR.getppid, flags: TAPE_MUST_EQUAL, result: ppid },
      { nr: NR.close, args: [999], flags: TAPE_MUST_EQUAL, result: -EBADF },
      { nr: NR.getppid, flags: TAPE_MUST_EQUAL, result: ppid + 1 },
      exitWith(1),
    ],
    epilogue: [exitWith(8)],
  });
  assert.equal(outcome.status, 8);
  assert.deepEqual(resultOf(outcome, 2), { state: 'done', value: BigInt(ppid) });
});

test('the epilogue can be changed on the way', () => {
  const later = EPILOGUE + RECORD_SIZE;
  const args = [0, 0, 0, 0, 0, BASE + later];
  const outcome = native.runTape({
    tape: [
      { nr: NR.getpid, args, flags: TAPE_SET_EPILOGUE },
      { nr: NR.close, args: [999], flags: TAPE_ON_ERROR },
    ],
    epilogue: [exitWith(1), exitWith(9)],
  });
  assert.equal(outcome.status, 9);
});

/** A parent that clones a child onto a tape of its own and takes its exit status to DATA + 0x200. */
function cloneAndWait(flags: bigint, childTape: TapeRecord[]): Outcome {
  const dummy: TapeRecord = {
    nr: 0,
    args: [0, 0, 0, 0, 0, BASE + CHILD_EPILOGUE],
    flags: TAPE_SET_EPILOGUE,
  };
  const args = clone_args.encode({
    flags,
    exit_signal: SIGCHLD,
    stack: BigInt(BASE + CHILD_TAPE - 16),
    stack_size: 16n,
  });
  return native.runTape({
    tape: [
      { nr: NR.clone3, args: [BASE + DATA, clone_args.size], flags: TAPE_ON_ERROR },
      {
        nr: NR.wait4,
        args: [resultAddress(0), BASE + DATA + 0x200, 0, 0],
        flags: TAPE_INDIRECT_ARG(0) | TAPE_ON_ERROR,
      },
      exitWith(3),
    ],
    epilogue: [exitWith(99)],
    parts: {
      [DATA]: args,
      [CHILD_TAPE]: encodeTape([dummy, ...childTape]),
      [CHILD_EPILOGUE]: encodeTape([exitWith(43)]),
    },
  });
}
const childStatus = ({ image }: Outcome): number =>
  viewOf(image).getUint32(DATA + 0x200, true) / 0x100;

for (const [name, flags] of [
  ['process', 0n],
  ['process that shares its memory', CLONE_VM | CLONE_VFORK],
] as const) {
  test(`clone3 starts a child ${name} on its own tape`, () => {
    const outcome = cloneAndWait(flags, [{ nr: NR.getpid }, exitWith(42)]);
    assert.equal(outcome.status, 3);
    assert.equal(childStatus(outcome), 42);
    assert.deepEqual(resultOf(outcome, 0, CHILD_TAPE), { state: 'done', value: 0n });
    assert.deepEqual(resultOf(outcome, 0), resultOf(outcome, 1, CHILD_TAPE));
    assert.deepEqual(resultOf(outcome, 1), resultOf(outcome, 1, CHILD_TAPE));
  });
}

test('a child that fails runs its own epilogue, not the one of its parent', () => {
  const outcome = cloneAndWait(0n, [
    { nr: NR.close, args: [999], flags: TAPE_ON_ERROR },
    exitWith(42),
  ]);
  assert.equal(outcome.status, 3);
  assert.equal(childStatus(outcome), 43);
});
