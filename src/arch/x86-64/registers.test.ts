import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { toWord } from '../../support/bytes.js';
import {
  forFrame,
  forImage,
  fromImage,
  instructionPointer,
  isNative,
  NO_SYSCALL,
  type Registers,
  redirect,
  stackPointer,
  syscallArgs,
  syscallNumber,
  undisturbed,
  user_regs_struct,
} from './registers.js';

/** Every register its own value; stopped in system call 34 (pause), whose result is `ax`. */
function stopped(ax: number, orig_ax: number | bigint = 34): Registers {
  const bytes = new Uint8Array(user_regs_struct.size);
  const regs = user_regs_struct.decode(bytes.map((_, i) => (i % 8 === 0 ? 1 + i / 8 : 0)));
  return { ...regs, ax: toWord(ax), orig_ax: toWord(orig_ax), ip: 0x40_1002n, cs: 0x33n };
}

test('user_regs_struct lies as the C header says', () => {
  const c: Record<string, string> = { bp: 'rbp', bx: 'rbx', ax: 'rax', cx: 'rcx', dx: 'rdx' };
  Object.assign(c, { si: 'rsi', di: 'rdi', orig_ax: 'orig_rax', ip: 'rip', sp: 'rsp' });
  Object.assign(c, { flags: 'eflags' });
  const checks = Object.entries(user_regs_struct.offsets).map(
    ([name, offset]) =>
      `_Static_assert(offsetof(struct user_regs_struct, ${c[name] ?? name}) == ${offset}, "${name}");`,
  );
  const source = [
    '#include <stddef.h>',
    '#include <sys/user.h>',
    `_Static_assert(sizeof(struct user_regs_struct) == ${user_regs_struct.size}, "size");`,
    ...checks,
  ].join('\n');
  execFileSync('gcc', ['-fsyntax-only', '-x', 'c', '-'], { input: source });
});

test('the named parts of a register set', () => {
  const regs = { ...stopped(0), di: 1n, si: 2n, dx: 3n, r10: 4n, r8: 5n, r9: 6n, sp: 0x7000n };
  assert.equal(instructionPointer(regs), 0x40_1002);
  assert.equal(stackPointer(regs), 0x7000);
  assert.equal(syscallNumber(regs), 34);
  assert.equal(syscallNumber(stopped(0, -1)), undefined);
  assert.deepEqual(syscallArgs(regs), [1n, 2n, 3n, 4n, 5n, 6n]);
  assert.equal(isNative(regs), true);
  assert.equal(isNative({ ...regs, cs: 0x23n }), false);
});

test('redirected registers keep the kernel from restarting a call', () => {
  const regs = redirect(stopped(-512), { ip: 0x1000n });
  assert.deepEqual(regs, { ...stopped(-512), ip: 0x1000n, orig_ax: NO_SYSCALL });
});

for (const code of [-512, -513, -514]) {
  test(`a call stopped with ${code} is issued again, from a frame and from an image`, () => {
    const expected = { ...stopped(34), ip: 0x40_1000n };
    assert.deepEqual(forFrame(stopped(code)), expected);
    assert.deepEqual(forImage(stopped(code)), { regs: expected, restart: -code });
    assert.deepEqual(fromImage(expected, -code), stopped(code));
  });
}

test('a call with a restart block says EINTR from a frame and is issued again from an image', () => {
  assert.deepEqual(forFrame(stopped(-516)), stopped(-4));
  const regs = { ...stopped(34), ip: 0x40_1000n };
  assert.deepEqual(forImage(stopped(-516)), { regs, restart: 514 });
  assert.deepEqual(fromImage(regs, 514), stopped(-514));
});

test('a futex that waits until a point in time is issued again from a frame, too', () => {
  const waiting = { ...stopped(-516, 202), si: 0x189n };
  assert.deepEqual(forFrame(waiting), { ...stopped(202, 202), si: 0x189n, ip: 0x40_1000n });
  assert.deepEqual(forFrame({ ...waiting, si: 0x80n }), { ...stopped(-4, 202), si: 0x80n });
});

test('a task in no call, or with a final result, stays as it is', () => {
  for (const regs of [stopped(-512, -1), stopped(-4), stopped(-515), stopped(-517), stopped(512)]) {
    assert.deepEqual(forFrame(regs), regs);
    assert.deepEqual(forImage(regs), { regs, restart: 0 });
    assert.deepEqual(fromImage(regs, undefined), { ...regs, orig_ax: NO_SYSCALL });
    assert.equal(undisturbed(regs), undefined);
  }
});

test('a call that a stop has ended, and the kernel does not issue again, goes on', () => {
  const EPOLL_WAIT = 232;
  const before = { ...stopped(-514, EPOLL_WAIT) };
  assert.deepEqual(undisturbed(stopped(-4, EPOLL_WAIT)), before);
  assert.deepEqual(fromImage(stopped(-4, EPOLL_WAIT), undefined), before);
  assert.equal(undisturbed(stopped(-4, 3)), undefined, 'close(2) has closed');
});
