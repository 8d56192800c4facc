/**
 * Signals: include/uapi/asm-generic/siginfo.h and signal-defs.h,
 * arch/x86/include/uapi/asm/signal.h, and include/uapi/linux/signal.h. Sets are 64-bit words,
 * signal n its bit n - 1. siginfo is a union: each variant below is a view of the same 128 bytes.
 */
import { assert } from '../support/assert.js';
import { bytes, i32, long, type StructValue, struct, u32, u64 } from './struct.js';

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGSTKFLT = 16;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXCPU = 24;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const SIGPWR = 30;
export const SIGSYS = 31;
/** The kernel's: libc keeps 32 and 33 for itself. */
export const SIGRTMIN = 32;
export const SIGRTMAX = 64;
/** Number of signals, and of bits in a set. */
export const _NSIG = 64;

/** The names of the standard signals, at the index of their numbers. */
export const SIGNAL_NAMES = [
  undefined,
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
] as const;

/** 'SIGURG' for 23, 'SIGRTMIN+2' for 34; a number that is no signal reads 'signal 65'. */
export function signalName(signo: number): string {
  const name = SIGNAL_NAMES[signo];
  if (name !== undefined) return name;
  if (signo < SIGRTMIN || signo > SIGRTMAX) return `signal ${signo}`;
  return signo === SIGRTMIN ? 'SIGRTMIN' : `SIGRTMIN+${signo - SIGRTMIN}`;
}

// Handlers, as the raw word.
export const SIG_DFL = 0n;
export const SIG_IGN = 1n;

export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;

export const SA_NOCLDSTOP = 0x1n;
export const SA_NOCLDWAIT = 0x2n;
export const SA_SIGINFO = 0x4n;
export const SA_UNSUPPORTED = 0x400n;
export const SA_EXPOSE_TAGBITS = 0x800n;
export const SA_RESTORER = 0x0400_0000n;
export const SA_ONSTACK = 0x0800_0000n;
export const SA_RESTART = 0x1000_0000n;
export const SA_NODEFER = 0x4000_0000n;
export const SA_RESETHAND = 0x8000_0000n;

// ss_flags of sigaltstack(2).
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const SS_AUTODISARM = 0x8000_0000;

export const SIGEV_SIGNAL = 0;
export const SIGEV_NONE = 1;
export const SIGEV_THREAD = 2;
export const SIGEV_THREAD_ID = 4;

// si_code, any signal: negative or 0 from a process, positive from the kernel.
export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SI_TIMER = -2;
export const SI_MESGQ = -3;
export const SI_ASYNCIO = -4;
export const SI_SIGIO = -5;
export const SI_TKILL = -6;
export const SI_DETHREAD = -7;
export const SI_ASYNCNL = -60;

// si_code of SIGILL.
export const ILL_ILLOPC = 1;
export const ILL_ILLOPN = 2;
export const ILL_ILLADR = 3;
export const ILL_ILLTRP = 4;
export const ILL_PRVOPC = 5;
export const ILL_PRVREG = 6;
export const ILL_COPROC = 7;
export const ILL_BADSTK = 8;
export const ILL_BADIADDR = 9;

// si_code of SIGFPE.
export const FPE_INTDIV = 1;
export const FPE_INTOVF = 2;
export const FPE_FLTDIV = 3;
export const FPE_FLTOVF = 4;
export const FPE_FLTUND = 5;
export const FPE_FLTRES = 6;
export const FPE_FLTINV = 7;
export const FPE_FLTSUB = 8;
export const FPE_FLTUNK = 14;
export const FPE_CONDTRAP = 15;

// si_code of SIGSEGV.
export const SEGV_MAPERR = 1;
export const SEGV_ACCERR = 2;
export const SEGV_BNDERR = 3;
export const SEGV_PKUERR = 4;
export const SEGV_ACCADI = 5;
export const SEGV_ADIDERR = 6;
export const SEGV_ADIPERR = 7;
export const SEGV_MTEAERR = 8;
export const SEGV_MTESERR = 9;
export const SEGV_CPERR = 10;

// si_code of SIGBUS.
export const BUS_ADRALN = 1;
export const BUS_ADRERR = 2;
export const BUS_OBJERR = 3;
export const BUS_MCEERR_AR = 4;
export const BUS_MCEERR_AO = 5;

// si_code of SIGTRAP.
export const TRAP_BRKPT = 1;
export const TRAP_TRACE = 2;
export const TRAP_BRANCH = 3;
export const TRAP_HWBKPT = 4;
export const TRAP_UNK = 5;
export const TRAP_PERF = 6;

// si_code of SIGCHLD.
export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_DUMPED = 3;
export const CLD_TRAPPED = 4;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;

// si_code of SIGIO.
export const POLL_IN = 1;
export const POLL_OUT = 2;
export const POLL_MSG = 3;
export const POLL_ERR = 4;
export const POLL_PRI = 5;
export const POLL_HUP = 6;

// si_code of SIGSYS.
export const SYS_SECCOMP = 1;
export const SYS_USER_DISPATCH = 2;

/** The set of these signals. */
export function sigset(...signals: number[]): bigint {
  let set = 0n;
  for (const signo of signals) set |= sigmask(signo);
  return set;
}

/** The bit of one signal. */
export function sigmask(signo: number): bigint {
  assert(Number.isInteger(signo) && signo >= 1 && signo <= _NSIG, `${signo} is not a signal`);
  return 1n << BigInt(signo - 1);
}

export const hasSignal = (set: bigint, signo: number): boolean => (set & sigmask(signo)) !== 0n;
export const withSignal = (set: bigint, signo: number): bigint => set | sigmask(signo);
export const withoutSignal = (set: bigint, signo: number): bigint => set & ~sigmask(signo);

/** The signals of a set, ascending. */
export function signalsIn(set: bigint): number[] {
  const signals: number[] = [];
  for (let signo = 1; signo <= _NSIG; signo++) if (hasSignal(set, signo)) signals.push(signo);
  return signals;
}

export const EMPTY_SIGSET = 0n;
export const FULL_SIGSET = 0xffff_ffff_ffff_ffffn;
/** What no mask can block. */
export const UNBLOCKABLE = sigset(SIGKILL, SIGSTOP);

/** What rt_sigaction(2) takes: not libc's struct. */
export const sigaction = struct(
  'sigaction',
  { sa_handler: u64, sa_flags: u64, sa_restorer: u64, sa_mask: u64 },
  { size: 32 },
);
export type Sigaction = StructValue<typeof sigaction>;

/** The same as 32-bit code gives it: struct compat_sigaction (include/linux/compat.h). The mask's low word comes first. */
export const sigaction32 = struct(
  'compat_sigaction',
  { sa_handler: u32, sa_flags: u32, sa_restorer: u32, sa_mask_low: u32, sa_mask_high: u32 },
  { size: 20 },
);

/** sigaltstack(2). */
export const stack_t = struct('stack_t', { ss_sp: u64, ss_flags: u32, ss_size: u64 }, { size: 24 });
export type StackT = StructValue<typeof stack_t>;

export const SI_MAX_SIZE = 128;
/** timer_create(2). `_tid` is of SIGEV_THREAD_ID; the rest is not used by the kernel. */
export const sigevent = struct(
  'sigevent',
  { sigev_value: u64, sigev_signo: i32, sigev_notify: i32, _tid: i32, _pad: bytes(44) },
  { size: 64 },
);

const header = { si_signo: i32, si_errno: i32, si_code: i32 };

/** Any siginfo: what all variants have, and the rest as bytes. */
export const siginfo = struct(
  'siginfo',
  { ...header, _pad: i32, _sifields: bytes(112) },
  { size: SI_MAX_SIZE },
);
export type Siginfo = StructValue<typeof siginfo>;

/** kill(2), tgkill(2) and, with si_value, sigqueue(3): SI_USER, SI_TKILL, SI_QUEUE, SI_MESGQ. */
export const siginfo_rt = struct(
  'siginfo_rt',
  { ...header, _pad: i32, si_pid: i32, si_uid: u32, si_value: u64, _rest: bytes(96) },
  { size: SI_MAX_SIZE },
);

/**
 * SI_TIMER. si_sys_private is 0 for programs, and up to Linux 6.12 not so in a queue read by
 * ptrace.
 */
export const siginfo_timer = struct(
  'siginfo_timer',
  {
    ...{ ...header, _pad: i32, si_tid: i32, si_overrun: i32, si_value: u64, si_sys_private: i32 },
    _rest: bytes(92),
  },
  { size: SI_MAX_SIZE },
);

/** Sent by a timer: of timer_create(2), or ITIMER_REAL. */
export function isOfTimer(info: Uint8Array): boolean {
  const { si_signo, si_code } = siginfo.decode(info);
  return si_code === SI_TIMER || isOfRealTimer({ si_signo, si_code });
}

/** Nothing else sends SIGALRM from the kernel. */
export const isOfRealTimer = (info: { si_signo: number; si_code: number }): boolean =>
  info.si_signo === SIGALRM && info.si_code === SI_KERNEL;

/** SIGCHLD; times in clock ticks. */
export const siginfo_sigchld = struct(
  'siginfo_sigchld',
  {
    ...{ ...header, _pad: i32, si_pid: i32, si_uid: u32, si_status: i32 },
    ...{ si_utime: long, si_stime: long, _rest: bytes(80) },
  },
  { size: SI_MAX_SIZE },
);

/** SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP from the kernel. */
export const siginfo_sigfault = struct(
  'siginfo_sigfault',
  { ...header, _pad: i32, si_addr: u64, _rest: bytes(104) },
  { size: SI_MAX_SIZE },
);

/** SIGIO, and what F_SETSIG put in its place: POLL_*. */
export const siginfo_sigpoll = struct(
  'siginfo_sigpoll',
  { ...header, _pad: i32, si_band: u64, si_fd: i32, _rest: bytes(100) },
  { size: SI_MAX_SIZE },
);

/** SIGSYS: SYS_SECCOMP, SYS_USER_DISPATCH. */
export const siginfo_sigsys = struct(
  'siginfo_sigsys',
  { ...header, _pad: i32, si_call_addr: u64, si_syscall: i32, si_arch: u32, _rest: bytes(96) },
  { size: SI_MAX_SIZE },
);
