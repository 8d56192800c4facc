import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NR } from '../../linux/syscall-numbers.js';
import { NR_IA32 } from '../../linux/syscall-numbers-32.js';
import { toWord } from '../../support/bytes.js';
import { isEndedByStop, narrowed, widened } from './ia32.js';
import {
  callWith,
  forFrame,
  forImage,
  fromImage,
  type Registers,
  redirectNative,
  syscallArgs,
  syscallNumber,
  undisturbed,
  user_regs_struct,
} from './registers.js';

/** A thread of 32-bit code behind its `int 0x80`, with this number and result. */
function stopped(orig_ax: number, ax: number, more: Partial<Registers> = {}): Registers {
  const regs = user_regs_struct.decode(new Uint8Array(user_regs_struct.size));
  const ip = 0xf7f1_c5e9n;
  return { ...regs, cs: 0x23n, ip, orig_ax: toWord(orig_ax), ax: toWord(ax), ...more };
}

test('a call of 32-bit code has its own number and arguments', () => {
  const words = { bx: 1n, cx: 2n, dx: 3n, si: 4n, di: 5n, bp: 6n, r10: 9n };
  const regs = stopped(NR_IA32.futex, 0, words);
  assert.equal(syscallNumber(regs), 240);
  assert.deepEqual(syscallArgs(regs), [1n, 2n, 3n, 4n, 5n, 6n]);
  // As images have it: 32 bits of -1.
  assert.equal(syscallNumber({ ...regs, orig_ax: 0xffff_ffffn }), undefined);
});

test('a call is made with the registers of the code that makes it', () => {
  const call = { ip: 0x1000, nr: 192, args: [0, 0x2000, 7] };
  const narrow = callWith(stopped(5, 0), call);
  const { ip, ax, bx, cx, dx, cs, orig_ax } = narrow;
  assert.deepEqual([ip, ax, bx, cx, dx, cs], [0x1000n, 192n, 0n, 0x2000n, 7n, 0x23n]);
  assert.equal(orig_ax, toWord(-1));
  const native = callWith({ ...stopped(5, 0), cs: 0x33n }, call);
  assert.deepEqual([native.di, native.si, native.dx], [0n, 0x2000n, 7n]);
  assert.equal(redirectNative(stopped(5, 0), { ip: 1n }).cs, 0x33n);
});

test('an interrupted call of 32-bit code is issued again, or says EINTR', () => {
  const pause = stopped(29, -514);
  assert.deepEqual(forImage(pause), {
    regs: { ...pause, ax: 29n, ip: pause.ip - 2n },
    restart: 514,
  });
  assert.equal(forFrame(stopped(162, -516)).ax, toWord(-4));
  const FUTEX_WAIT_BITSET = 9n;
  for (const nr of [NR_IA32.futex, NR_IA32.futex_time64]) {
    assert.equal(forFrame(stopped(nr, -516, { cx: FUTEX_WAIT_BITSET })).ax, BigInt(nr));
    assert.equal(forFrame(stopped(nr, -516, { si: FUTEX_WAIT_BITSET })).ax, toWord(-4));
  }
  // The numbers of the other code mean something else.
  assert.equal(forFrame(stopped(NR.futex, -516, { cx: FUTEX_WAIT_BITSET })).ax, toWord(-4));
});

test('a call that a stop has ended goes on; results of images have 32 bits', () => {
  const ended = (nr: number, more: Partial<Registers> = {}) => undisturbed(stopped(nr, -4, more));
  assert.equal(ended(NR_IA32.epoll_wait)?.ax, toWord(-514));
  assert.equal(ended(NR.epoll_wait), undefined);
  assert.equal(undisturbed(stopped(NR_IA32.epoll_wait, 3)), undefined);
  const saved = { ...stopped(NR_IA32.epoll_wait, 0), ax: 0xffff_fffcn };
  assert.equal(fromImage(saved, undefined).ax, toWord(-514));
  assert.equal(fromImage(stopped(29, 29), 514).ip, stopped(0, 0).ip + 2n);
});

test('of the calls that are many, those that wait on sockets and semaphores are ended by stops', () => {
  const regs = (bx: number) => stopped(0, -4, { bx: BigInt(bx) });
  const [SYS_SOCKET, SYS_RECV, SEMOP, MSGRCV] = [1, 10, 1, 12];
  assert.equal(isEndedByStop(NR_IA32.socketcall, regs(SYS_RECV)), true);
  assert.equal(isEndedByStop(NR_IA32.socketcall, regs(SYS_SOCKET)), false);
  assert.equal(isEndedByStop(NR_IA32.ipc, regs(SEMOP + 0x1_0000)), true);
  assert.equal(isEndedByStop(NR_IA32.ipc, regs(MSGRCV)), false);
});

test('images have low halves, and bases come from descriptors', () => {
  const regs = stopped(29, -4, { r15: 5n, fs: 0x6bn, gs: 0x63n, gs_base: 0x1234n, sp: 1n << 40n });
  const saved = narrowed(regs);
  assert.deepEqual(
    [saved.ax, saved.r15, saved.gs_base, saved.sp, saved.gs],
    [0xffff_fffcn, 0n, 0n, 0n, 0x63n],
  );
  const descriptors = [
    { entry_number: 12, base_addr: 0xf7f1_5540 },
    { entry_number: 13, base_addr: 0x1000 },
  ];
  const { fs_base, gs_base } = widened(saved, descriptors);
  assert.deepEqual([fs_base, gs_base], [0x1000n, 0xf7f1_5540n]);
  // Of the LDT, and one that is not there.
  const others = widened({ ...saved, fs: 0x67n, gs: 0x73n }, descriptors);
  assert.deepEqual([others.fs_base, others.gs_base], [0n, 0n]);
});
