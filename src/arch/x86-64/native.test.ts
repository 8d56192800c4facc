/** Emitted code, run natively by fixtures/native-driver.c: no root needed, only gcc. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { struct, u64 } from '../../linux/struct.js';
import { NR } from '../../linux/syscall-numbers.js';
import { viewOf } from '../../support/bytes.js';
import { puppetElf } from './puppet-elf.js';
import type { Registers } from './registers.js';
import { buildSigframe, stack_t } from './sigframe.js';
import { cloneExecStub, cpuidStub, flagHandler } from './stubs.js';
import {
  decodeResult,
  encodeTape,
  RECORD_RESULT_OFFSET,
  RECORD_SIZE,
  TAPE_END,
  TAPE_INDIRECT_ARG,
  TAPE_MUST_EQUAL,
  TAPE_ON_ERROR,
  TAPE_SET_EPILOGUE,
  type TapeRecord,
  tapeInterpreter,
} from './tape-interpreter.js';
import { type FpregsEntry, fpregsFromXstate, xstateFromFpregs, xstateLayout } from './xstate.js';

// Where things lie in the image, as the driver maps it.
const BASE = 0x1000_0000_0000;
const TAPE = 0x1000;
const EPILOGUE = 0x2000;
const DATA = 0x3000;
const CHILD_TAPE = 0x4000;
const CHILD_EPILOGUE = 0x5000;
const FRAME = 0x6000;
const REPORT = 0x10000;
const IMAGE_SIZE = 0x18000;
// struct report of the driver.
const REPORT_REGS = REPORT + 8;
const REPORT_ALTSTACK = REPORT + 8 + 18 * 8;
const REPORT_XSAVE = REPORT + 4096;
const REGISTER_ORDER = [
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'di', 'si', 'bp', 'bx'],
  ...['dx', 'ax', 'cx', 'sp', 'flags'],
] as (keyof Registers)[];

const SIGCHLD = 17n;
const EBADF = 9;
const CLONE_VM = 0x100n;
const CLONE_VFORK = 0x4000n;
const clone_args = struct(
  'clone_args',
  {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
  },
  { size: 88 },
);

let folder: string;
let driver: string;
let landing: number;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'native-'));
  driver = join(folder, 'native-driver');
  const relative = '../../../../src/arch/x86-64/fixtures/native-driver.c';
  const source = fileURLToPath(new URL(relative, import.meta.url));
  execFileSync('gcc', ['-O1', '-static', '-no-pie', '-Wall', '-Werror', '-o', driver, source]);
  const symbols = execFileSync('nm', [driver], { encoding: 'utf8' });
  landing = Number.parseInt(/^([0-9a-f]+) . landing$/m.exec(symbols)?.[1] ?? '', 16);
});
after(() => rmSync(folder, { recursive: true, force: true }));

type Parts = Record<number, Uint8Array>;
interface Outcome {
  status: number | null;
  stdout: string;
  image: Uint8Array;
}

/** Runs the driver on an image of these parts; the image comes back as the code left it. */
function drive(parts: Parts, ...args: (string | number)[]): Outcome {
  const bytes = new Uint8Array(IMAGE_SIZE);
  for (const [offset, part] of Object.entries(parts)) bytes.set(part, Number(offset));
  const file = join(folder, 'image');
  writeFileSync(file, bytes);
  const texts = args.map((arg) => (typeof arg === 'number' ? arg.toString(16) : arg));
  const run = spawnSync(driver, [file, ...texts], { encoding: 'utf8', timeout: 40_000 });
  assert.equal(run.signal, null, `the driver died of ${run.signal}`);
  return { status: run.status, stdout: run.stdout, image: readFileSync(file) };
}

interface TapeSet {
  tape: TapeRecord[];
  epilogue?: TapeRecord[];
  parts?: Parts;
}
function runTape({ tape, epilogue = [], parts = {} }: TapeSet): Outcome {
  const image = {
    0: tapeInterpreter.code,
    [TAPE]: encodeTape(tape),
    [EPILOGUE]: encodeTape(epilogue),
    ...parts,
  };
  return drive(image, 'tape', BASE, BASE + TAPE, BASE + EPILOGUE);
}

const exitWith = (status: number): TapeRecord => ({ nr: NR.exit_group, args: [status] });
const resultAddress = (index: number, tape = TAPE): number =>
  BASE + tape + index * RECORD_SIZE + RECORD_RESULT_OFFSET;
const resultOf = ({ image }: Outcome, index: number, tape = TAPE) =>
  decodeResult(viewOf(image), tape + index * RECORD_SIZE);

test('a tape stores the result of each call and leaves the rest poisoned', () => {
  const outcome = runTape({
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
  const outcome = runTape({
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
  assert.notDeepEqual(resultOf(outcome, 2), { state: 'pending' });
  assert.deepEqual(resultOf(outcome, 4), { state: 'done', value: BigInt(where + length) });
});

test('an error jumps to the epilogue only when the record says so', () => {
  const bad = { nr: NR.close, args: [999] };
  const outcome = runTape({
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
  const outcome = runTape({
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
  const outcome = runTape({
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
  const outcome = runTape({
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
  return runTape({
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

/** CPUID leaf 0xd, asked with the emitted stub. */
function cpuidXstate(subleaf: number): { size: number; offset: number; ecx: number } {
  const run = drive({ 0: cpuidStub.code }, 'call', BASE, 0xd, subleaf, BASE + DATA);
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
  Object.assign(regs, { ip: BigInt(landing), cs: 0x33n, ss: 0x2bn, gs: 0n, fs: 0n, flags: 0xec7n });
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
  const outcome = runTape({
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
  const regs = { ...zeroRegisters(), ip: BigInt(landing), cs: 0x33n, ss: 0x2bn };
  const frame = buildSigframe({
    address: BASE + FRAME,
    regs,
    xstate: new Uint8Array(layout.length),
    layout,
    sigmask: 0n,
    altstack: { ss_sp: 0, ss_flags: 2, ss_size: 0 },
  });
  const stack = stack_t.encode({ ss_sp: BASE + 0x8_0000, ss_flags: 0, ss_size: 0x10000 });
  const outcome = runTape({
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

/** clone_args, the empty path, and an argv of one string, for the clone stub. */
function puppetArguments(): Parts {
  const data = new Uint8Array(0x400);
  const flags = CLONE_VM | CLONE_VFORK;
  data.set(clone_args.encode({ flags, exit_signal: SIGCHLD }));
  data.set(Buffer.from('puppet\0'), 0x110);
  viewOf(data).setBigUint64(0x120, BigInt(BASE + DATA + 0x110), true);
  return { 0: cloneExecStub.code, [DATA]: data };
}
const puppetPointers = [BASE + DATA + 0x100, BASE + DATA + 0x120, BASE + DATA + 0x128];

test('the clone stub turns a child into a puppet that waits in pause', () => {
  const elf = puppetElf();
  assert.equal(elf.length, 129);
  const file = join(folder, 'puppet');
  writeFileSync(file, elf, { mode: 0o755 });
  const size = clone_args.size;
  const args = [BASE, BASE + DATA, size, `fd:${file}`, ...puppetPointers];
  const { stdout } = drive(puppetArguments(), 'puppet', ...args);
  assert.equal(stdout, 'size 129 syscall 34 argv0 puppet reaped 1\n');
});

test('the clone stub returns an error of clone3, and leaves that of execveat as exit status', () => {
  const tooSmall = [BASE, BASE + DATA, 8, 3, ...puppetPointers];
  assert.equal(drive(puppetArguments(), 'call', ...tooSmall).stdout, '-22\n');
  const notOpen = [BASE, BASE + DATA, clone_args.size, 999, ...puppetPointers];
  assert.equal(drive(puppetArguments(), 'exit', ...notOpen).stdout, `${EBADF}\n`);
});

test('the flag handler sets its byte and makes a blocking call return EINTR', () => {
  const handler = flagHandler(BASE + DATA);
  const { handler: entry = 0, restorer = 0 } = handler.labels;
  const args = ['signal', BASE + entry, BASE + restorer];
  const { stdout, image } = drive({ 0: handler.code }, ...args);
  assert.equal(stdout, 'pause -1 EINTR\n');
  assert.deepEqual([image[DATA - 1], image[DATA], image[DATA + 1]], [0, 1, 0]);
});
