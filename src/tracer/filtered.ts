/**
 * Tapes in threads that seccomp confines. The filters are suspended while we trace, so every call of a tape is made;
 * when we die they are in force again at once, in the middle of the tape. Who wants no thread to die of that has every
 * call put to the filters here, before any is made: none may kill the thread or stop it, and the one that brings it back
 * must be allowed.
 */
import { RECORD_SIZE, recordArgOffset, TAPE_IA32, tapeInterpreter } from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { attemptSetOptions } from '../host/ptrace.js';
import { errnoName } from '../linux/errno.js';
import { actionName, isAllowed, isHarmless, judge, type Seccomp } from '../linux/seccomp.js';
import type { Word } from '../linux/syscall.js';
import { syscallName } from '../linux/syscall-names.js';
import { NR_IA32 } from '../linux/syscall-numbers-32.js';
import { rtSigreturn } from '../linux/syscalls/tasks.js';
import { PTRACE_O_SUSPEND_SECCOMP } from '../linux/uapi/ptrace.js';
import { defined } from '../support/assert.js';
import { viewOf } from '../support/bytes.js';
import { type CheckpointError, refused, unsupported } from '../support/errors.js';
import { FROZEN_OPTIONS, type FrozenTree } from './freeze.js';

interface Confined {
  process: ProcessView;
  thread: ThreadView;
}

/** Of a record. */
const FLAGS_OFFSET = 4;
/** Length of a `syscall` instruction: filters see the address behind it. */
const SYSCALL_LENGTH = 2;

/** For all threads that have filters; they end with the trace. */
export function suspendFilters({ host }: FrozenTree, threads: readonly Confined[]): void {
  for (const { process, thread } of threads) {
    if (thread.seccomp === undefined) continue;
    const result = attemptSetOptions(host, thread.tid, FROZEN_OPTIONS + PTRACE_O_SUSPEND_SECCOMP);
    if (result >= 0) continue;
    throw refused(`PTRACE_O_SUSPEND_SECCOMP: ${errnoName(-result)}`, {
      ...{ pid: thread.tid, comm: process.comm, object: 'seccomp' },
      ...{ errno: errnoName(-result), syscall: 'ptrace' },
      remedy:
        'run woodfrog as root, with CAP_SYS_ADMIN, and without seccomp (in a container: --security-opt seccomp=unconfined)',
    });
  }
}

export interface JudgedCall {
  nr: number;
  args: readonly Word[];
}

/** How calls are made. `ip`: of the instruction. */
interface Judged {
  calls: readonly (JudgedCall & { is32Bit?: boolean })[];
  ip: number;
  /** In 32-bit code, which also returns from them so. */
  is32Bit?: boolean;
}

/** The calls that make room for a tape, and the return behind them. `ip`: of the `syscall` instruction used. */
export function verifyCalls(
  tree: FrozenTree,
  confined: Confined,
  { calls, ip, is32Bit = false }: Judged,
): void {
  const { seccomp } = confined.thread;
  if (seccomp === undefined || !tree.refusesSeccompWindow) return;
  const behind = ip + SYSCALL_LENGTH;
  for (const { nr, args, is32Bit: own = is32Bit } of calls) {
    const action = judge(seccomp, { nr, args, ip: behind, is32Bit: own });
    if (!isHarmless(action)) throw lost(confined, { name: nameOf(nr, own), action, seccomp });
  }
  const nr = is32Bit ? NR_IA32.rt_sigreturn : rtSigreturn.nr;
  const action = judge(seccomp, { nr, args: [], ip: behind, is32Bit });
  if (!isAllowed(action)) throw lost(confined, { name: nameOf(nr, is32Bit), action, seccomp });
}

/** The same of a whole tape, as it lies in its records. */
export function verifyTape(
  tree: FrozenTree,
  confined: Confined,
  { interpreter, tape, callCount }: { interpreter: number; tape: Uint8Array; callCount: number },
): void {
  if (confined.thread.seccomp === undefined || !tree.refusesSeccompWindow) return;
  const records = viewOf(tape);
  const calls = Array.from({ length: callCount }, (_, i) => ({
    nr: records.getUint32(i * RECORD_SIZE, true),
    is32Bit: (records.getUint32(i * RECORD_SIZE + FLAGS_OFFSET, true) & TAPE_IA32) !== 0,
    args: Array.from({ length: 6 }, (_, n) =>
      records.getBigUint64(i * RECORD_SIZE + recordArgOffset(n), true),
    ),
  }));
  verifyCalls(tree, confined, {
    calls,
    ip: interpreter + defined(tapeInterpreter.labels.call, 'a call'),
  });
}

function nameOf(nr: number, is32Bit: boolean): string {
  if (!is32Bit) return syscallName(nr);
  const known = Object.entries(NR_IA32).find(([, number]) => number === nr);
  return `${known?.[0] ?? nr} of 32-bit code`;
}

function lost(
  { process, thread }: Confined,
  { name, action, seccomp }: { name: string; action: number; seccomp: Seccomp },
): CheckpointError {
  const who = seccomp.strict ? 'strict mode' : 'a filter';
  return unsupported(
    `${who} answers ${name} by ${actionName(action)}: if woodfrog were killed while the thread makes that call for it, the thread would be lost`,
    {
      ...{ pid: thread.tid, comm: process.comm, object: 'seccomp' },
      remedy: 'accept that, without --refuse-seccomp-window: it is a matter of microseconds',
    },
  );
}
