/**
 * The first puppet: a process of ours that runs nothing but what its registers are pointed at. It dies with us, at
 * first by PR_SET_PDEATHSIG, from the seizure on by PTRACE_O_EXITKILL, which all its descendants inherit.
 */
import { puppetElf, puppetSyscall, type Registers, redirect } from '../arch/arch.js';
import { pwriteAll, readText } from '../host/files.js';
import type { Host } from '../host/host.js';
import { syscallError } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import {
  attemptSeize,
  getRegisters,
  interrupt,
  resumeToSyscall,
  setRegisters,
} from '../host/ptrace.js';
import type { Stubs } from '../host/stubs.js';
import { waitOne } from '../host/wait.js';
import { type Mapping, parseMaps } from '../linux/procfs/maps.js';
import { FULL_SIGSET, SIGCHLD, SIGKILL } from '../linux/signal.js';
import { close, memfdCreate } from '../linux/syscalls/files.js';
import { kill, rtSigprocmask } from '../linux/syscalls/tasks.js';
import { MFD_CLOEXEC } from '../linux/uapi/mman.js';
import {
  PTRACE_O_EXITKILL,
  PTRACE_O_TRACECLONE,
  PTRACE_O_TRACEFORK,
  PTRACE_O_TRACESYSGOOD,
  PTRACE_O_TRACEVFORK,
} from '../linux/uapi/ptrace.js';
import { CLONE_PARENT, CLONE_VFORK, CLONE_VM, clone_args } from '../linux/uapi/sched.js';
import { type Pid, pid } from '../support/brand.js';
import { concat, toSigned, toWord, u64Bytes, viewOf } from '../support/bytes.js';
import { gone } from '../support/errors.js';
import { cString } from '../support/text.js';

export const PUPPET_OPTIONS =
  PTRACE_O_TRACESYSGOOD +
  PTRACE_O_TRACEFORK +
  PTRACE_O_TRACEVFORK +
  PTRACE_O_TRACECLONE +
  PTRACE_O_EXITKILL;

const SIG_SETMASK = 2;
const TRACE_FLAG = 'the first puppet to stop';

export interface Puppet {
  pid: Pid;
  /** What it has mapped: its code, its stack, vvar and vdso. */
  mappings: Mapping[];
  regs: Registers;
}

/** Starts and stops the first puppet. `sibling`: it, and so the restored root, is a child of our parent. */
export function startPuppet(
  host: Host,
  { stubs, interrupts, sibling }: { stubs: Stubs; interrupts: Interrupts; sibling: boolean },
): Puppet {
  const elf = puppetElf();
  const fd = host.call(memfdCreate, { name: 'woodfrog', flags: MFD_CLOEXEC });
  pwriteAll(host, { fd, data: elf, offset: 0, name: 'puppet' });
  const born = cloneExec(host, stubs, fd, sibling);
  host.call(close, { fd });
  const seized = attemptSeize(host, born, PUPPET_OPTIONS);
  if (seized < 0) throw syscallError('ptrace', -seized, 'PTRACE_SEIZE of the first puppet');
  interrupt(host, born);
  const event = waitOne(host, born, interrupts, () => TRACE_FLAG);
  if (event.kind !== 'stopped') throw gone('the first puppet was killed', { pid: born });
  return {
    pid: born,
    mappings: parseMaps(readText(host, `/proc/${born}/maps`)),
    regs: getRegisters(host, born),
  };
}

/** Kills it, and waits until it is gone: within the deadline that is armed. */
export function endPuppet(
  host: Host,
  { puppet, interrupts }: { puppet: Puppet; interrupts: Interrupts },
): void {
  host.attempt(kill, { pid: puppet.pid, sig: SIGKILL });
  for (;;) {
    const event = waitOne(host, puppet.pid, interrupts, () => 'the first puppet to end');
    if (event.kind !== 'stopped') return;
  }
}

/** All signals are blocked meanwhile: a handler would run on the stack that parent and child share. */
function cloneExec(host: Host, stubs: Stubs, fd: number, sibling: boolean): Pid {
  using scope = host.scope();
  const old = scope.alloc(8);
  const set = u64Bytes(FULL_SIGSET);
  host.call(rtSigprocmask, { how: SIG_SETMASK, set, oldset: old, sigsetsize: 8 });
  try {
    // With CLONE_PARENT the child takes its creator's exit signal, and the kernel refuses another: EINVAL.
    const args = clone_args.encode({
      flags: BigInt(CLONE_VM + CLONE_VFORK + (sibling ? CLONE_PARENT : 0)),
      exit_signal: sibling ? 0 : SIGCHLD,
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
    const saved = viewOf(old.bytes).getBigUint64(0, true);
    host.call(rtSigprocmask, { how: SIG_SETMASK, set: u64Bytes(saved), oldset: 0, sigsetsize: 8 });
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
  for (const phase of ['entry to', 'exit from']) {
    resumeToSyscall(host, puppet.pid);
    const event = waitOne(
      host,
      puppet.pid,
      interrupts,
      () => `${phase} a call of the first puppet`,
    );
    if (event.kind !== 'stopped') throw gone('the first puppet was killed', { pid: puppet.pid });
  }
  return Number(toSigned(getRegisters(host, puppet.pid).ax));
}
