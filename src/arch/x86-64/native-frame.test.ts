/** Signal frames, restored from natively. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { NR } from '../../linux/syscall-numbers.js';
import { viewOf } from '../../support/bytes.js';
import {
  BASE,
  DATA,
  exitWith,
  FRAME,
  makeNativeDriver,
  type NativeDriver,
  REPORT,
} from './fixtures/native.js';
import type { Registers } from './registers.js';
import { buildSigframe, stack_t } from './sigframe.js';
import { cpuidStub } from './stubs.js';
import { TAPE_END, TAPE_ON_ERROR, type TapeRecord } from './tape-interpreter.js';
import { type FpregsEntry, fpregsFromXstate, xstateFromFpregs, xstateLayout } from './xstate.js';

// struct report of the driver.
const REPORT_REGS = REPORT + 8;
const REPORT_ALTSTACK = REPORT + 8 + 18 * 8;
const REPORT_XSAVE = REPORT + 4096;
const REGISTER_ORDER = [
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'di', 'si', 'bp', 'bx'],
  ...['dx', 'ax', 'cx', 'sp', 'flags'],
] as (keyof Registers)[];

let native: NativeDriver;
before(() => {
  native = makeNativeDriver();
});
after(() => native.remove());

/** CPUID leaf 0xd, asked with the emitted stub. */
function cpuidXstate(subleaf: number): { size: number; offset: number; ecx: number } {
  const run = native.drive({ 0: cpuidStub.code }, 'call', BASE, 0xd, subleaf, BASE + DATA);
  const view = viewOf(run.image);
  const [size, offset, ecx] = [0, 4, 8].map((at) => view.getUint32(DATA + at, true));
  return { size: size ?? 0, offset: offset ?? 0, ecx: ecx ?? 0 };
}

test('a tape ends in rt_sigreturn, which sets every register', () => {
  const enabled = cpuidXstate(0);
  const layout = xstateLayout(BigInt(enabled.size), cpuidXstate);
  const fpregs = distinctFpregs(layout.components);
  const regs = Object.fromEntries(
    REGISTER_ORDER.map((name, i) => [name, 0x1111_2222_3333_4400n + BigInt(i)]),
  ) as unknown as Registers;
  // Carry, parity, zero, sign, direction and overflow, and interrupts, which are always on.
  Object.assign(regs, {
    ip: BigInt(native.landing),
    cs: 0x33n,
    ss: 0x2bn,
    gs: 0n,
    fs: 0n,
    flags: 0xec7n,
  });
  // Without SIGKILL and SIGSTOP, which nothing can block.
  const sigmask = 0x1230_0012_3450_7000n;
  const altstack = { ss_sp: BASE + 0x8_0000, ss_flags: 0, ss_size: 0x10000 };
  const frame = buildSigframe({
    address: BASE + FRAME,
    regs,
    xstate: xstateFromFpregs(fpregs, layout),
    layout,
    sigmask,
    altstack,
  });
  const end: TapeRecord = { nr: NR.rt_sigreturn, args: [frame.ucontextAddress], flags: TAPE_END };
  const outcome = native.runTape({
    tape: [{ nr: NR.getpid }, end],
    epilogue: [exitWith(99)],
    parts: { [FRAME]: frame.bytes },
  });
  const view = viewOf(outcome.image);
  assert.equal(outcome.status, 0);
  assert.equal(view.getUint32(REPORT, true), 1);
  REGISTER_ORDER.forEach((name, i) => {
    assert.equal(view.getBigUint64(REPORT_REGS + i * 8, true), regs[name], name);
  });
  assert.equal(view.getBigUint64(REPORT_REGS + 17 * 8, true), sigmask);
  assert.deepEqual(stack_t.decode(outcome.image, REPORT_ALTSTACK), altstack);
  const xsave = outcome.image.slice(REPORT_XSAVE, REPORT_XSAVE + layout.length);
  const found = fpregsFromXstate(xsave, layout);
  assert.deepEqual(found, { ...fpregs, mxcsr_mask: found.mxcsr_mask });
});

/** Every register another value, of every component of this CPU. */
function distinctFpregs(components: ReadonlyMap<number, unknown>): FpregsEntry {
  const values = (length: number, from: number): number[] =>
    Array.from({ length }, (_, i) => from * 0x10000 + i + 1);
  const words = (length: number, from: bigint): bigint[] =>
    Array.from({ length }, (_, i) => (from << 48n) + BigInt(i + 1));
  const when = <T>(bit: number, value: T[]): T[] => (components.has(bit) ? value : []);
  const st = values(32, 1);
  // An x87 register has 10 bytes in its 16.
  for (let i = 2; i < 32; i += 4) {
    st[i] = 0x4001;
    st[i + 1] = 0;
  }
  let inUse = 3n;
  for (const bit of components.keys()) if (bit < 17) inUse |= 1n << BigInt(bit);
  return {
    cwd: 0x37f,
    swd: 0x3800,
    twd: 0xff,
    fop: 0,
    rip: 0n,
    rdp: 0n,
    mxcsr: 0x3f80,
    mxcsr_mask: 0xffff,
    st_space: st,
    xmm_space: values(64, 2),
    padding: [],
    xsave: {
      xstate_bv: inUse,
      ymmh_space: when(2, values(64, 3)),
      bndreg_state: when(3, words(8, 0n)),
      bndcsr_state: when(4, words(8, 0n)),
      opmask_reg: when(5, words(8, 5n)),
      zmm_upper: when(6, words(64, 6n)),
      hi16_zmm: when(7, words(128, 7n)),
      pkru: when(9, [0x5555_5550, 0]),
      cet: { cet: 0n, ssp: 0n },
    },
  };
}

test('a frame without an alternate stack removes the one that is set', () => {
  const layout = xstateLayout(3n);
  const regs = { ...zeroRegisters(), ip: BigInt(native.landing), cs: 0x33n, ss: 0x2bn };
  const frame = buildSigframe({
    address: BASE + FRAME,
    regs,
    xstate: new Uint8Array(layout.length),
    layout,
    sigmask: 0n,
    altstack: { ss_sp: 0, ss_flags: 2, ss_size: 0 },
  });
  const stack = stack_t.encode({ ss_sp: BASE + 0x8_0000, ss_flags: 0, ss_size: 0x10000 });
  const outcome = native.runTape({
    tape: [
      { nr: NR.sigaltstack, args: [BASE + DATA, 0], flags: TAPE_ON_ERROR },
      { nr: NR.rt_sigreturn, args: [frame.ucontextAddress], flags: TAPE_END },
    ],
    epilogue: [exitWith(99)],
    parts: { [FRAME]: frame.bytes, [DATA]: stack },
  });
  assert.equal(outcome.status, 0);
  const found = stack_t.decode(outcome.image, REPORT_ALTSTACK);
  assert.deepEqual(found, { ss_sp: 0, ss_flags: 2, ss_size: 0 });
});

const zeroRegisters = (): Registers =>
  Object.fromEntries(
    [
      ...REGISTER_ORDER,
      'orig_ax',
      'ip',
      'cs',
      'ss',
      'fs_base',
      'gs_base',
      'ds',
      'es',
      'fs',
      'gs',
    ].map((name) => [name, 0n]),
  ) as unknown as Registers;
