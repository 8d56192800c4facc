import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../support/bytes.js';
import { actionName, asksSupervisor, isAllowed, isHarmless, judge, runFilter } from './seccomp.js';
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from './uapi/seccomp.js';

type Instruction = [code: number, k?: number, jt?: number, jf?: number];

const program = (...instructions: Instruction[]): Uint8Array => {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = viewOf(bytes);
  instructions.forEach(([code, k = 0, jt = 0, jf = 0], i) => {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  });
  return bytes;
};
const filter = (...instructions: Instruction[]) => ({
  program: program(...instructions),
  flags: 0,
});
const LD_ABS = 0x20;
const LD_IMM = 0x00;
const LDX_IMM = 0x01;
const JEQ = 0x15;
const RET = 0x06;
const RET_A = 0x16;
/** The action for one system call, another for all others. */
const only = (nr: number, action: number, otherwise = SECCOMP_RET_ALLOW) =>
  filter([LD_ABS, 0], [JEQ, nr, 0, 1], [RET, action], [RET, otherwise]);
const call = (nr: number, ...args: (number | bigint)[]) => ({ nr, args, ip: 0x7fff_0000_1000 });
const chain = (...filters: ReturnType<typeof filter>[]) => ({ strict: false, filters });

test('the action that takes precedence wins, whichever filter says it', () => {
  const order = [
    SECCOMP_RET_KILL_PROCESS,
    SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_TRAP,
    SECCOMP_RET_ERRNO,
    SECCOMP_RET_USER_NOTIF,
    SECCOMP_RET_TRACE,
    SECCOMP_RET_LOG,
    SECCOMP_RET_ALLOW,
  ];
  order.forEach((strong, i) => {
    for (const weak of order.slice(i)) {
      assert.equal(judge(chain(only(9, strong), only(9, weak)), call(9)) >>> 0, strong);
      assert.equal(judge(chain(only(9, weak), only(9, strong)), call(9)) >>> 0, strong);
    }
  });
  assert.equal(judge(chain(only(9, SECCOMP_RET_TRAP)), call(10)), SECCOMP_RET_ALLOW);
});

test('filters see the call as the kernel shows it', () => {
  const word = (offset: number) => judge(chain(filter([LD_ABS, offset], [RET_A])), asked) >>> 0;
  const asked = call(0x101, 0x1_2345_6789n, -1);
  // An action of another name than ALLOW, so it wins over it.
  assert.equal(word(0), 0x101);
  assert.equal(word(8), 0x0000_1000);
  assert.equal(word(16), 0x2345_6789);
  assert.equal(word(20), 1);
  assert.equal(judge(chain(filter([LD_ABS, 4], [RET_A])), asked) >>> 0, 0xc000_003e);
  assert.equal(judge(chain(filter([LD_ABS, 24], [RET_A])), asked) >>> 0, 0xffff_ffff);
});

test('arithmetic is of 32 bits without a sign', () => {
  const data = new DataView(new ArrayBuffer(64));
  const compute = (a: number, operation: number, b: number): number[] => [
    runFilter(program([LD_IMM, a], [0x04 | operation, b], [RET_A]), data),
    runFilter(program([LD_IMM, a], [LDX_IMM, b], [0x0c | operation], [RET_A]), data),
  ];
  const both = (value: number) => [value, value];
  assert.deepEqual(compute(0xffff_ffff, 0x00, 2), both(1));
  assert.deepEqual(compute(1, 0x10, 2), both(0xffff_ffff));
  assert.deepEqual(compute(0xffff_ffff, 0x20, 0xffff_ffff), both(1));
  assert.deepEqual(compute(0xffff_fffe, 0x30, 2), both(0x7fff_ffff));
  assert.deepEqual(compute(0x8000_0000, 0x40, 1), both(0x8000_0001));
  assert.deepEqual(compute(0xf000_000f, 0x50, 0xc000_0003), both(0xc000_0003));
  assert.deepEqual(compute(3, 0x60, 31), both(0x8000_0000));
  assert.deepEqual(compute(0x8000_0000, 0x70, 31), both(1));
  assert.deepEqual(compute(1, 0x80, 0), both(0xffff_ffff));
  assert.deepEqual(compute(0xffff_0000, 0xa0, 0xff00_ff00), both(0x00ff_ff00));
  // A division by nothing ends the program, as if it had said 0.
  assert.equal(runFilter(program([LD_IMM, 7], [LDX_IMM, 0], [0x3c], [RET, 5]), data), 0);
});

test('scratch memory, jumps, the length of the data', () => {
  const data = new DataView(new ArrayBuffer(64));
  const run = (...instructions: Instruction[]) => runFilter(program(...instructions), data);
  assert.equal(run([LD_IMM, 7], [0x02, 3], [LD_IMM, 0], [0x60, 3], [RET_A]), 7);
  assert.equal(run([LDX_IMM, 8], [0x03, 15], [0x61, 15], [0x87], [RET_A]), 8);
  assert.equal(run([LD_IMM, 9], [0x07], [LD_IMM, 0], [0x87], [RET_A]), 9);
  assert.equal(run([0x80], [RET_A]), 64);
  assert.equal(run([0x05, 1], [RET, 1], [RET, 2]), 2);
  const jump = (code: number, a: number, k: number) =>
    run([LD_IMM, a], [code, k, 0, 1], [RET, 1], [RET, 0]);
  assert.deepEqual([jump(0x25, 5, 4), jump(0x25, 5, 5), jump(0x25, 0xffff_ffff, 5)], [1, 0, 1]);
  assert.deepEqual([jump(0x35, 5, 5), jump(0x35, 4, 5)], [1, 0]);
  assert.deepEqual([jump(0x45, 0x8000_0001, 0x8000_0000), jump(0x45, 1, 2)], [1, 0]);
  assert.throws(() => run([LD_IMM, 7]), /without a verdict/);
});

test('strict mode, names, and what leaves the thread where it was', () => {
  const strict = { strict: true, filters: [] };
  for (const nr of [0, 1, 15, 60]) assert.ok(isAllowed(judge(strict, call(nr))));
  assert.equal(actionName(judge(strict, call(9))), 'SECCOMP_RET_KILL_THREAD');
  assert.equal(actionName(SECCOMP_RET_ERRNO | 13), 'SECCOMP_RET_ERRNO');
  const harmless = [SECCOMP_RET_ERRNO | 1, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW];
  assert.deepEqual(harmless.map(isHarmless), [true, true, true, true]);
  assert.deepEqual(harmless.map(isAllowed), [false, false, true, true]);
  const deadly = [SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP, SECCOMP_RET_USER_NOTIF, 0x1234_0000];
  assert.deepEqual(deadly.map(isHarmless), [false, false, false, false]);
  assert.ok(asksSupervisor(only(9, SECCOMP_RET_USER_NOTIF)));
  assert.ok(!asksSupervisor(only(9, SECCOMP_RET_TRAP)));
});

test('a call of 32-bit code is another architecture, with numbers of its own', () => {
  const ARCH_OFFSET = 4;
  const native = filter(
    [LD_ABS, ARCH_OFFSET],
    [JEQ, 0xc000_003e, 0, 1],
    [RET, SECCOMP_RET_ALLOW],
    [RET, SECCOMP_RET_TRAP],
  );
  assert.equal(judge(chain(native), call(9)), SECCOMP_RET_ALLOW);
  assert.equal(judge(chain(native), { ...call(9), is32Bit: true }), SECCOMP_RET_TRAP);
  const narrow = filter(
    [LD_ABS, ARCH_OFFSET],
    [JEQ, 0x4000_0003, 0, 1],
    [RET, SECCOMP_RET_ALLOW],
    [RET, SECCOMP_RET_TRAP],
  );
  assert.equal(judge(chain(narrow), { ...call(9), is32Bit: true }), SECCOMP_RET_ALLOW);
  const strict = { strict: true, filters: [] };
  for (const nr of [3, 4, 1, 119]) {
    assert.equal(judge(strict, { ...call(nr), is32Bit: true }), SECCOMP_RET_ALLOW);
  }
  assert.equal(judge(strict, { ...call(15), is32Bit: true }), SECCOMP_RET_KILL_THREAD);
});
