/**
 * The first puppet: a process of ours that runs nothing but what its registers are pointed at. It dies with us, at
 * first because its lifeline ends, from the seizure on by PTRACE_O_EXITKILL, which all its descendants inherit.
 */
import { puppetElf, puppetSyscall, type Registers, redirect } from '../arch/arch.js';
import { pwriteAll, readText } from '../host/files.js';
import type { Host } from '../host/host.js';
import { syscallError } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import { Lifeline } from '../host/lifeline.js';
import {
  attemptSeize,
  getRegisters,
  interrupt,
  resumeToSyscall,
  setRegisters,
} from '../host/ptrace.js';
import type { Stubs } from '../host/stubs.js';
import { isSyscallStop, type WaitEvent, waitOne } from '../host/wait.js';
import { errnoName } from '../linux/errno.js';
import { type Mapping, parseMaps } from '../linux/procfs/maps.js';
import { SIGCHLD } from '../linux/signal.js';
import { close, memfdCreate } from '../linux/syscalls/files.js';
import { MFD_CLOEXEC } from '../linux/uapi/mman.js';
import {
  PTRACE_O_EXITKILL,
  PTRACE_O_SUSPEND_SECCOMP,
  PTRACE_O_TRACECLONE,
  PTRACE_O_TRACEFORK,
  PTRACE_O_TRACESYSGOOD,
  PTRACE_O_TRACEVFORK,
} from '../linux/uapi/ptrace.js';
import { CLONE_PARENT, CLONE_VFORK, CLONE_VM, clone_args } from '../linux/uapi/sched.js';
import { type Pid, pid } from '../support/brand.js';
import { concat, toSigned, toWord, u32Bytes, u64Bytes } from '../support/bytes.js';
import { CheckpointError, gone, refused } from '../support/errors.js';
import { cString } from '../support/text.js';
import { killSurely } from './kill.js';

export const PUPPET_OPTIONS =
  PTRACE_O_TRACESYSGOOD +
  PTRACE_O_TRACEFORK +
  PTRACE_O_TRACEVFORK +
  PTRACE_O_TRACECLONE +
  PTRACE_O_EXITKILL;

const CLEANUP_SEC = 5;

export interface Puppet {
  pid: Pid;
  /** What it has mapped: its code, its stack, vvar and vdso. */
  mappings: Mapping[];
  regs: Registers;
}

/** Starts and stops the first puppet. `sibling`: it, and so the restored root, is a child of our parent. */
export function startPuppet(host: Host, options: StartOptions): Puppet {
  // Once seized, it has PTRACE_O_EXITKILL, and whatever is read ends at its next call.
  using lifeline = new Lifeline(host, { throughExec: true });
  const born = cloneExec(host, lifeline.readingEnd, options);
  try {
    return seizePuppet(host, born, options);
  } catch (error) {
    lifeline.cut();
    throw endOf(host, born, options.interrupts) ?? error;
  }
}

interface StartOptions {
  stubs: Stubs;
  interrupts: Interrupts;
  sibling: boolean;
  /** The pid it must have; any if left out. */
  tid?: number;
  /** Filters that it and its descendants install are not in force while they are traced. */
  suspendSeccomp: boolean;
}

function seizePuppet(host: Host, born: Pid, { interrupts, suspendSeccomp }: StartOptions): Puppet {
  const suspension = suspendSeccomp ? PTRACE_O_SUSPEND_SECCOMP : 0;
  const seized = attemptSeize(host, born, PUPPET_OPTIONS + suspension);
  if (seized < 0) throw syscallError('ptrace', -seized, 'PTRACE_SEIZE of the first puppet');
  interrupt(host, born);
  const event = waitOne(host, born, interrupts, () => 'the first puppet to stop');
  if (event.kind !== 'stopped') throw gone('the first puppet was killed', { pid: born });
  return {
    pid: born,
    mappings: parseMaps(readText(host, `/proc/${born}/maps`)),
    regs: getRegisters(host, born),
  };
}

/** Kills a puppet that failed to start, and collects it; the reason, if its program could not be run. */
function endOf(host: Host, born: Pid, interrupts: Interrupts): CheckpointError | undefined {
  interrupts.armCleanup(CLEANUP_SEC);
  killSurely(host, born);
  const event = attemptWaitEnd(host, born, interrupts);
  if (event?.kind !== 'exited' || event.status === 0) return undefined;
  const errno = errnoName(event.status);
  return refused(`the first puppet cannot be run: execveat of a memfd: ${errno}`, {
    syscall: 'execveat',
    errno,
    remedy: 'see vm.memfd_noexec, and what security modules say',
  });
}

/** Undefined when it takes too long, or is no child of ours (a sibling that was not seized): then it was told to end. */
function attemptWaitEnd(host: Host, born: Pid, interrupts: Interrupts): WaitEvent | undefined {
  try {
    for (;;) {
      const event = waitOne(host, born, interrupts, () => 'the first puppet to end');
      if (event.kind !== 'stopped') return event;
    }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return undefined;
  }
}

/** Kills it, and waits until it is gone: within the deadline that is armed. */
export function endPuppet(
  host: Host,
  { puppet, interrupts }: { puppet: Puppet; interrupts: Interrupts },
): void {
  killSurely(host, puppet.pid);
  attemptWaitEnd(host, puppet.pid, interrupts);
}

/** A child that runs the puppet's program, or has exited with the errno of execveat. */
function cloneExec(host: Host, lifeline: number, { stubs, sibling, tid }: StartOptions): Pid {
  using scope = host.scope();
  const fd = host.call(memfdCreate, { name: 'woodfrog', flags: MFD_CLOEXEC });
  try {
    pwriteAll(host, { fd, data: puppetElf(lifeline), offset: 0, name: 'puppet' });
    // With CLONE_PARENT the child takes its creator's exit signal, and the kernel refuses another: EINVAL.
    const args = clone_args.encode({
      flags: BigInt(CLONE_VM + CLONE_VFORK + (sibling ? CLONE_PARENT : 0)),
      exit_signal: sibling ? 0 : SIGCHLD,
      ...(tid !== undefined && { set_tid: scope.store(u32Bytes(tid)), set_tid_size: 1 }),
    });
    const name = scope.store(cString('woodfrog'));
    const result = stubs.cloneExec([
      scope.store(args),
      args.length,
      fd,
      scope.store(cString('')),
      scope.store(concat([u64Bytes(name), u64Bytes(0)])),
      scope.store(u64Bytes(0)),
    ]);
    if (result < 0) throw syscallError('clone3', -result, 'clone3 of the first puppet');
    return pid(result);
  } finally {
    host.attempt(close, { fd });
  }
}

/** One system call in a stopped puppet, by its own `syscall` instruction. -errno when it fails. */
export function puppetCall(
  host: Host,
  { puppet, interrupts }: { puppet: Puppet; interrupts: Interrupts },
  nr: number,
  args: readonly (number | bigint)[],
): number {
  const [di = 0, si = 0, dx = 0, r10 = 0, r8 = 0, r9 = 0] = args;
  const words = { di, si, dx, r10, r8, r9, ax: nr, ip: puppetSyscall() };
  const to = Object.fromEntries(Object.entries(words).map(([name, word]) => [name, toWord(word)]));
  setRegisters(host, puppet.pid, redirect(puppet.regs, to));
  for (let stops = 0; stops < 2; ) {
    resumeToSyscall(host, puppet.pid);
    const event = waitOne(host, puppet.pid, interrupts, () => 'a call of the first puppet');
    if (event.kind !== 'stopped') throw gone('the first puppet was killed', { pid: puppet.pid });
    // Any other stop is somebody else's signal.
    if (isSyscallStop(event)) stops += 1;
  }
  return Number(toSigned(getRegisters(host, puppet.pid).ax));
}
