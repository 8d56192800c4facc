/**
 * The general registers of a task, as PTRACE_GETREGS and NT_PRSTATUS give them, in the kernel's own field names
 * (arch/x86/include/asm/user_64.h), which are the images' names too. Also: how a task that was stopped inside a
 * system call resumes. PTRACE_SETREGS from a signal-delivery or interrupt stop needs none of that: there the kernel
 * restarts the call itself (arch/x86/kernel/signal.c).
 */
import { type StructValue, struct, u64 } from '../../linux/struct.js';
import { NR } from '../../linux/syscall-numbers.js';
import { type Address, address } from '../../support/brand.js';
import { toNumber, toSigned, toWord, viewOf } from '../../support/bytes.js';
import { is32Bit, isEndedByStop, isFutex32, USER_CS } from './ia32.js';

/** struct user_regs_struct: 27 words. */
const declared = struct(
  'user_regs_struct',
  {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    bp: u64,
    bx: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    ax: u64,
    cx: u64,
    dx: u64,
    si: u64,
    di: u64,
    orig_ax: u64,
    ip: u64,
    cs: u64,
    flags: u64,
    sp: u64,
    ss: u64,
    fs_base: u64,
    gs_base: u64,
    ds: u64,
    es: u64,
    fs: u64,
    gs: u64,
  },
  { size: 27 * 8 },
);

/** Read and written for every thread of a tree, several times: as one literal, and without looking up each field. */
export const user_regs_struct: typeof declared = {
  ...declared,
  get: readRegisters,
  decode: (from, offset = 0) => readRegisters(viewOf(from), offset),
  encode(value) {
    const out = new Uint8Array(declared.size);
    const words = new BigUint64Array(out.buffer);
    for (let i = 0; i < NAMES.length; i++) words[i] = value[NAMES[i] as keyof Registers] ?? 0n;
    return out;
  },
};

const NAMES = Object.keys(declared.fields);

function readRegisters(view: DataView, offset: number) {
  return {
    r15: view.getBigUint64(offset + 0, true),
    r14: view.getBigUint64(offset + 8, true),
    r13: view.getBigUint64(offset + 16, true),
    r12: view.getBigUint64(offset + 24, true),
    bp: view.getBigUint64(offset + 32, true),
    bx: view.getBigUint64(offset + 40, true),
    r11: view.getBigUint64(offset + 48, true),
    r10: view.getBigUint64(offset + 56, true),
    r9: view.getBigUint64(offset + 64, true),
    r8: view.getBigUint64(offset + 72, true),
    ax: view.getBigUint64(offset + 80, true),
    cx: view.getBigUint64(offset + 88, true),
    dx: view.getBigUint64(offset + 96, true),
    si: view.getBigUint64(offset + 104, true),
    di: view.getBigUint64(offset + 112, true),
    orig_ax: view.getBigUint64(offset + 120, true),
    ip: view.getBigUint64(offset + 128, true),
    cs: view.getBigUint64(offset + 136, true),
    flags: view.getBigUint64(offset + 144, true),
    sp: view.getBigUint64(offset + 152, true),
    ss: view.getBigUint64(offset + 160, true),
    fs_base: view.getBigUint64(offset + 168, true),
    gs_base: view.getBigUint64(offset + 176, true),
    ds: view.getBigUint64(offset + 184, true),
    es: view.getBigUint64(offset + 192, true),
    fs: view.getBigUint64(offset + 200, true),
    gs: view.getBigUint64(offset + 208, true),
  };
}

export type Registers = StructValue<typeof declared>;

/** orig_ax of a task that is in no system call: the kernel's restart logic leaves ax and ip alone. */
export const NO_SYSCALL = toWord(-1);

// include/linux/errno.h: results that never reach a program.
const ERESTARTSYS = 512n;
const ERESTARTNOINTR = 513n;
const ERESTARTNOHAND = 514n;
const ERESTART_RESTARTBLOCK = 516n;
/** Those by which the kernel decides without anything that it remembers. */
const DECIDED = [ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND];
const RESTARTS = [...DECIDED, ERESTART_RESTARTBLOCK];
const EINTR = 4;
// uapi/linux/futex.h; without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
const FUTEX_CMD_MASK = 0x7fn;
const FUTEX_WAIT_BITSET = 9n;
/** Of `int 0x80`, too; and behind a `sysenter` the kernel goes on as behind an `int 0x80`. */
const SYSCALL_INSTRUCTION_LENGTH = 2n;

export const instructionPointer = (regs: Registers): Address => address(toNumber(regs.ip));
export const stackPointer = (regs: Registers): Address => address(toNumber(regs.sp));

/** 32-bit code has 32 bits of a register; what images hold of it has no more. */
const signedWord = (regs: Registers, word: bigint): bigint =>
  is32Bit(regs) ? BigInt.asIntN(32, word) : toSigned(word);

/** The number of the system call the task is stopped in; undefined when it is in none. */
export function syscallNumber(regs: Registers): number | undefined {
  const nr = signedWord(regs, regs.orig_ax);
  return nr < 0n ? undefined : toNumber(nr);
}

const ARGUMENTS = ['di', 'si', 'dx', 'r10', 'r8', 'r9'] as const;
const ARGUMENTS_32 = ['bx', 'cx', 'dx', 'si', 'di', 'bp'] as const;

const argumentsOf = (regs: Registers): readonly (keyof Registers)[] =>
  is32Bit(regs) ? ARGUMENTS_32 : ARGUMENTS;

/** The six arguments of the system call that the task is stopped in. */
export const syscallArgs = (regs: Registers): bigint[] =>
  argumentsOf(regs).map((name) => regs[name]);

/** True for a task that runs 64-bit code. */
export const isNative = (regs: Registers): boolean => regs.cs === USER_CS;

/** Registers that run from `ip`, on `sp`, without the kernel restarting the call that was interrupted. */
export const redirect = (regs: Registers, to: Partial<Registers>): Registers => ({
  ...regs,
  orig_ax: NO_SYSCALL,
  ...to,
});

/** The same thread, running 64-bit code: what it needs beside is in `to`. */
export const redirectNative = (regs: Registers, to: Partial<Registers>): Registers =>
  redirect(regs, { cs: USER_CS, ...to });

/** Registers that make a system call by the instruction at `ip`, as the code that the thread runs passes arguments. */
export function callWith(
  regs: Registers,
  { ip, nr, args }: { ip: number; nr: number; args: readonly (number | bigint)[] },
): Registers {
  const to: Partial<Registers> = { ip: toWord(ip), ax: toWord(nr) };
  argumentsOf(regs).forEach((name, i) => {
    to[name] = toWord(args[i] ?? 0);
  });
  return redirect(regs, to);
}

/**
 * What a signal frame of the same process must hold, so that rt_sigreturn resumes as the kernel would have. A restart
 * block does not outlive the tape's own system calls: a call that says how long it waits (nanosleep, poll) says EINTR;
 * one that says until when (futex, as pthreads use it) is issued again.
 */
export function forFrame(regs: Registers): Registers {
  const restart = restartCode(regs);
  if (restart === undefined) return regs;
  if (restart === ERESTART_RESTARTBLOCK && !waitsUntil(regs)) {
    return { ...regs, ax: toWord(-EINTR) };
  }
  return reissue(regs);
}

function waitsUntil(regs: Registers): boolean {
  const { orig_ax, si, cx } = regs;
  const operation = is32Bit(regs) ? cx : si;
  const isFutex = is32Bit(regs) ? isFutex32(orig_ax) : orig_ax === BigInt(NR.futex);
  return isFutex && (operation & FUTEX_CMD_MASK) === FUTEX_WAIT_BITSET;
}

/**
 * A call that a stop has interrupted, but which the kernel never issues again: it says EINTR, signal or not (signal(7)).
 * Nothing but the stop may have done that, so it is given the result by which the kernel decides anew when the task goes
 * on: EINTR if a handler runs, the same call again if none does. Undefined: it was in no such call.
 */
export function undisturbed(regs: Registers): Registers | undefined {
  const nr = syscallNumber(regs);
  if (nr === undefined || -signedWord(regs, regs.ax) !== BigInt(EINTR)) return undefined;
  const isEnded = is32Bit(regs)
    ? isEndedByStop(nr, regs)
    : isNative(regs) && ENDED_BY_STOPS.has(nr);
  return isEnded ? { ...regs, ax: toWord(-ERESTARTNOHAND) } : undefined;
}

/** Without an effect before they wait, so that they may be issued again. */
const ENDED_BY_STOPS: ReadonlySet<number> = new Set([
  ...[NR.epoll_wait, NR.epoll_pwait, NR.epoll_pwait2, NR.rt_sigtimedwait],
  ...[NR.semop, NR.semtimedop, NR.io_getevents, NR.io_pgetevents],
  // Of sockets with SO_RCVTIMEO, SO_SNDTIMEO.
  ...[NR.accept, NR.accept4, NR.recvfrom, NR.recvmsg, NR.recvmmsg, NR.read, NR.readv],
  ...[NR.sendto, NR.sendmsg, NR.sendmmsg, NR.write, NR.writev],
]);

/**
 * What an image must hold: another process resumes, in which any call, one with a restart block too, is issued again
 * from the start. orig_ax stays as it was, as in the images of CRIU: it tells which call was interrupted. `restart`: by
 * which result of the call the kernel decides that, if a signal is pending; 0: it was in no such call.
 */
export function forImage(regs: Registers): { regs: Registers; restart: number } {
  const code = restartCode(regs);
  if (code === undefined) return { regs, restart: 0 };
  const restart = code === ERESTART_RESTARTBLOCK ? ERESTARTNOHAND : code;
  return { regs: reissue(regs), restart: toNumber(restart) };
}

/**
 * What a restored task resumes with, from a stop in which the kernel looks for signals: where the image says how the call
 * was interrupted, the kernel finds it so, and issues it again, or says EINTR behind a handler; else it is in no call.
 */
export function fromImage(regs: Registers, restart: number | undefined): Registers {
  if (restart === undefined || restart === 0) {
    return undisturbed(regs) ?? { ...regs, orig_ax: NO_SYSCALL };
  }
  return { ...regs, ax: toWord(-restart), ip: regs.ip + SYSCALL_INSTRUCTION_LENGTH };
}

/** Whether an image may say so of a call; see forImage. */
export const isRestart = (code: number): boolean => code === 0 || DECIDED.includes(BigInt(code));

const reissue = (regs: Registers): Registers => ({
  ...regs,
  ax: regs.orig_ax,
  ip: regs.ip - SYSCALL_INSTRUCTION_LENGTH,
});

function restartCode(regs: Registers): bigint | undefined {
  if (syscallNumber(regs) === undefined) return undefined;
  const code = -signedWord(regs, regs.ax);
  return RESTARTS.includes(code) ? code : undefined;
}
