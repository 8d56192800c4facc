/** What can be read of a frozen tree from outside, in our pids and in the tasks' own. */

import {
  abortRseq,
  END_32_BIT,
  is32Bit,
  type Registers,
  rseq_cs,
  undisturbed,
} from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { readText } from '../host/files.js';
import type { Host } from '../host/host.js';
import { attemptReadMemory } from '../host/process-memory.js';
import {
  attemptRseq,
  attemptSeccompFilter,
  getRegisters,
  getSigmask,
  getXstate,
  peekPending,
  setRegisters,
} from '../host/ptrace.js';
import { EMEDIUMTYPE, ENOENT, errnoName } from '../linux/errno.js';
import { type Mapping, parseMaps } from '../linux/procfs/maps.js';
import { parseStat, type Stat } from '../linux/procfs/stat.js';
import { parseStatus, type Status } from '../linux/procfs/status.js';
import type { Seccomp, SeccompFilter } from '../linux/seccomp.js';
import { SIGCONT, siginfo } from '../linux/signal.js';
import { getRobustList } from '../linux/syscalls/tasks.js';
import { SECCOMP_MODE_STRICT } from '../linux/uapi/seccomp.js';
import { type Pid, type Vpid, vpid } from '../support/brand.js';
import { getU64, viewOf } from '../support/bytes.js';
import { type CheckpointError, gone, refused, unsupported, within } from '../support/errors.js';
import type { FrozenProcess, FrozenTree } from './freeze.js';

const NO_RSEQ = { pointer: 0, size: 0, signature: 0, flags: 0 };

/** Parents before their children. */
export function viewTree(tree: FrozenTree): ProcessView[] {
  const vpids = new Map<number, Vpid>();
  const views = tree.processes.map((process) => {
    const view = within({ pid: process.pid }, () => viewProcess(tree, process, vpids));
    vpids.set(process.pid, view.vpid);
    return view;
  });
  for (const { vpid: child, parent, stopSignal } of views) {
    if (stopSignal === undefined) continue;
    views.find((one) => one.vpid === parent)?.stoppedChildren.push(child);
  }
  return views;
}

function viewProcess(
  tree: FrozenTree,
  process: FrozenProcess,
  vpids: ReadonlyMap<number, Vpid>,
): ProcessView {
  const { host } = tree;
  const { pid: leader, zombie } = process;
  const threads = process.threads.map((tid) => viewThread(host, leader, tid));
  const [first] = threads;
  const leaders = {
    stat: parseStat(readText(host, `/proc/${leader}/stat`)),
    status: parseStatus(readText(host, `/proc/${leader}/status`)),
  };
  const hasEnded = first !== undefined && first.tid !== leader;
  const { stat, status } = hasEnded ? first : leaders;
  const pending = first === undefined ? [] : peekPending(host, first.tid, true);
  const mappings = first === undefined ? [] : parseMaps(readText(host, `/proc/${first.tid}/maps`));
  return {
    pid: leader,
    task: first?.tid ?? leader,
    vpid: innermost(status.NStgid, leader),
    parent: process.parent === undefined ? vpid(0) : parentOf(leaders.stat, vpids),
    vpgid: innermost(status.NSpgid, stat.pgrp),
    vsid: innermost(status.NSsid, stat.session),
    comm: leaders.stat.comm,
    state: zombie ? 'zombie' : 'alive',
    stopSignal: stopSignalOf(tree, { threads, pendingShared: pending }),
    stoppedChildren: [],
    stat,
    status,
    endedLeader: hasEnded ? leaders : undefined,
    threads,
    is32Bit: is32BitProgram(mappings, first),
    mappings,
    pendingShared: pending,
    lateSignals: [],
  };
}

/** Its vdso tells; where it has none, what its first thread runs. */
export function is32BitProgram(mappings: readonly Mapping[], first?: ThreadView): boolean {
  const vdso = mappings.find(({ label }) => label === '[vdso]');
  if (vdso !== undefined) return vdso.end <= END_32_BIT;
  return first !== undefined && is32Bit(first.regs);
}

/** Another one than it was found by, when that one ended during the freeze: an ancestor that adopts, or nobody of the tree. */
function parentOf({ ppid, pid: child, comm }: Stat, vpids: ReadonlyMap<number, Vpid>): Vpid {
  const parent = vpids.get(ppid);
  if (parent !== undefined) return parent;
  throw gone('its parent ended meanwhile, and it belongs to the tree no longer', {
    pid: child,
    comm,
    remedy: 'try again',
  });
}

/** SIGCONT continues a process when it is sent, and can be pending afterwards: all threads are stopped as before then. */
export function stopSignalOf(
  tree: FrozenTree,
  { threads, pendingShared }: Pick<ProcessView, 'threads' | 'pendingShared'>,
): number | undefined {
  const queues = [pendingShared, ...threads.map(({ pending }) => pending)];
  const isContinued = queues.some((queue) =>
    queue.some((info) => siginfo.decode(info).si_signo === SIGCONT),
  );
  return isContinued ? undefined : tree.stopSignalOf(threads);
}

/** Reads the signals pending for the process again, and those for its threads if asked to: some may have come late. */
export function refreshPending(
  tree: FrozenTree,
  process: ProcessView,
  { threads }: { threads: boolean },
): void {
  const { host } = tree;
  const [first] = process.threads;
  if (first === undefined) return;
  const shared = peekPending(host, first.tid, true);
  process.lateSignals = added(process.pendingShared, shared);
  process.pendingShared = shared;
  for (const thread of threads ? process.threads : []) {
    const pending = peekPending(host, thread.tid, false);
    process.lateSignals.push(...added(thread.pending, pending));
    thread.pending = pending;
  }
  process.stopSignal = stopSignalOf(tree, process);
}

/** Nothing is taken from a queue while nobody runs, so what was there is still there. */
export function added(before: readonly Uint8Array[], after: readonly Uint8Array[]): Uint8Array[] {
  if (after.length === before.length) return [];
  const known = new Map<string, number>();
  for (const key of before.map(keyOf)) known.set(key, (known.get(key) ?? 0) + 1);
  return after.filter((info) => {
    const key = keyOf(info);
    const left = known.get(key) ?? 0;
    known.set(key, left - 1);
    return left <= 0;
  });
}

const keyOf = (info: Uint8Array): string => info.join();

/** The id in the innermost pid namespace; before Linux 4.1 there is no such line, and then no way to tell. */
const innermost = (ids: Status['NSpid'], outer: number): Vpid => vpid(ids?.at(-1) ?? outer);

function viewThread(host: Host, leader: Pid, tid: Pid): ThreadView {
  const folder = `/proc/${leader}/task/${tid}`;
  const status = parseStatus(readText(host, `${folder}/status`));
  // An exec ends a thread without a word, and gives its number to another one.
  if (status.State !== 't')
    throw gone('the task was killed, or runs another program', { pid: tid });
  const rseq = attemptRseq(host, tid);
  const regs = registersOf(host, tid);
  return {
    tid,
    vtid: innermost(status.NSpid, tid),
    regs: rseq === undefined ? regs : outsideSection(host, tid, regs, rseq.rseq_abi_pointer),
    xstate: getXstate(host, tid),
    sigmask: getSigmask(host, tid),
    rseq:
      rseq === undefined
        ? NO_RSEQ
        : {
            pointer: rseq.rseq_abi_pointer,
            size: rseq.rseq_abi_size,
            signature: rseq.signature,
            flags: rseq.flags,
          },
    robustList: robustListOf(host, tid),
    seccomp: seccompOf(host, tid, status),
    pending: peekPending(host, tid, false),
    stat: parseStat(readText(host, `${folder}/stat`)),
    status,
  };
}

/** With a call that our stop has ended made one that goes on: in the thread, too, whatever becomes of us. */
function registersOf(host: Host, tid: Pid): Registers {
  const regs = getRegisters(host, tid);
  const before = undisturbed(regs);
  if (before) setRegisters(host, tid, before);
  return before ?? regs;
}

/** Offset of rseq_cs in struct rseq (linux/rseq.h). */
const RSEQ_CS_OFFSET = 8;

/**
 * A thread stopped inside a restartable sequence goes on at its abort handler, as the kernel would have it. The kernel
 * forgets the section as soon as the thread runs elsewhere, on a tape of ours: so it is done here, for good.
 */
function outsideSection(host: Host, tid: Pid, regs: Registers, pointer: number): Registers {
  if (pointer === 0) return regs;
  const area = attemptReadMemory(host, tid, pointer + RSEQ_CS_OFFSET, 8);
  const address = typeof area === 'number' ? 0 : getU64(viewOf(area), 0);
  if (address === 0) return regs;
  const section = attemptReadMemory(host, tid, address, rseq_cs.size);
  if (typeof section === 'number') return regs;
  const ip = abortRseq(regs, rseq_cs.decode(section));
  return ip === undefined ? regs : { ...regs, ip };
}

function seccompOf(host: Host, tid: Pid, { Seccomp: mode }: Status): Seccomp | undefined {
  if (!mode) return undefined;
  if (mode === SECCOMP_MODE_STRICT) return { strict: true, filters: [] };
  const filters: SeccompFilter[] = [];
  for (;;) {
    const filter = attemptSeccompFilter(host, tid, filters.length);
    if (filter === -ENOENT && filters.length > 0) return { strict: false, filters };
    if (typeof filter === 'number') throw unreadable(tid, -filter);
    filters.push(filter);
  }
}

function unreadable(tid: Pid, errno: number): CheckpointError {
  const context = { pid: tid, object: 'seccomp', errno: errnoName(errno), syscall: 'ptrace' };
  if (errno === EMEDIUMTYPE) {
    return unsupported('its filter is not classic BPF, and cannot be read', context);
  }
  return refused(`its filters cannot be read: PTRACE_SECCOMP_GET_FILTER: ${errnoName(errno)}`, {
    ...context,
    remedy:
      'run woodfrog as root, with CAP_SYS_ADMIN, and without seccomp (in a container: --security-opt seccomp=unconfined); the kernel needs CONFIG_CHECKPOINT_RESTORE',
  });
}

function robustListOf(host: Host, tid: Pid): ThreadView['robustList'] {
  const mark = host.arena.mark;
  const words = host.arena.alloc(16);
  host.call(getRobustList, { pid: tid, head_ptr: words.address, len_ptr: words.address + 8 });
  const view = viewOf(words.bytes);
  const list = { head: getU64(view, 0), length: getU64(view, 8) };
  host.arena.release(mark);
  return list;
}
