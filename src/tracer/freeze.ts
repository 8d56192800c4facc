/**
 * Freezes a process tree: seizes every thread, interrupts it, and waits until all have stopped. Threads are listed
 * again until none is new, children only once their parent stands still: so nothing is born unseen. Nothing is
 * changed in any task; when the tracer dies, every task goes on.
 */

import { attemptReadDir, attemptReadText, readIfThere } from '../host/files.js';
import type { Host } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import {
  attemptDetach,
  attemptSeize,
  eventMessage,
  interrupt,
  isStoppedTracee,
  resume,
} from '../host/ptrace.js';
import { isSyscallStop, type WaitEvent, waitAnyOrTick } from '../host/wait.js';
import { ENOENT, EPERM, ESRCH, errnoName } from '../linux/errno.js';
import { parseStat } from '../linux/procfs/stat.js';
import { parseStatus } from '../linux/procfs/status.js';
import { SIGTRAP } from '../linux/signal.js';
import { gettid } from '../linux/syscalls/tasks.js';
import {
  PTRACE_EVENT_EXEC,
  PTRACE_EVENT_STOP,
  PTRACE_O_TRACEEXEC,
  PTRACE_O_TRACESYSGOOD,
} from '../linux/uapi/ptrace.js';
import { type Pid, pid } from '../support/brand.js';
import { CheckpointError, gone, refused, within } from '../support/errors.js';
import type { CgroupHold } from './cgroup-hold.js';
import { Family, type Relative } from './family.js';

/** EXEC: an exec ends the process's other threads, and the one that called it takes the leader's number. */
export const FROZEN_OPTIONS = PTRACE_O_TRACESYSGOOD + PTRACE_O_TRACEEXEC;
/** How long a thread that was asked to stop and has not yet may take at the thaw. */
const SETTLE_MS = 100;
/** How often EPERM is answered by another look. */
const SEIZE_TRIES = 20;

export interface FrozenProcess {
  pid: Pid;
  /** In our pids; undefined for the root. */
  parent: Pid | undefined;
  zombie: boolean;
  /** The leader first; empty for a zombie. */
  threads: Pid[];
}

type ThreadState = 'running' | 'stopped' | 'dead';

export class FrozenTree implements Disposable {
  readonly host: Host;
  readonly interrupts: Interrupts;
  /** Whether no thread may run a tape that its filters would kill it for, if they were not suspended. */
  refusesSeccompWindow = false;
  /** What holds the tree's cgroup, until the tree is let go. */
  hold: CgroupHold | undefined;
  /** Parents before their children. */
  readonly processes: FrozenProcess[] = [];
  /** Every thread we are attached to. */
  readonly #threads = new Map<Pid, ThreadState>();
  /** Threads whose process was stopped, as SIGSTOP does, before the freeze or meanwhile: by which signal. */
  readonly #stopSignals = new Map<Pid, number>();
  #released = false;

  constructor(host: Host, interrupts: Interrupts) {
    this.host = host;
    this.interrupts = interrupts;
  }

  /** Detaches from every thread: the tree runs on as it was. Runs at scope end, whatever happened; never throws. */
  thaw(): void {
    if (this.#released) return;
    this.#released = true;
    this.hold?.giveBack();
    for (const tid of this.threads) detachSurely(this.host, tid);
    this.#settle();
  }

  /** The tree is no longer ours to thaw: its tasks were killed. */
  abandon(): void {
    this.#released = true;
  }

  [Symbol.dispose](): void {
    this.thaw();
  }

  get threads(): Pid[] {
    return this.#in('stopped');
  }

  /** Seized, but not stopped yet. */
  get running(): Pid[] {
    return this.#in('running');
  }

  #in(wanted: ThreadState): Pid[] {
    return [...this.#threads].filter(([, state]) => state === wanted).map(([tid]) => tid);
  }

  /** Seizes a thread and asks it to stop, unless it is a zombie, or gone. */
  seize(tid: Pid): 'seized' | 'zombie' | 'gone' {
    let seized = attemptSeize(this.host, tid, FROZEN_OPTIONS);
    // A leader is a zombie for a moment when another thread runs exec, which then has its number: it is another task already.
    for (let tries = 0; seized === -EPERM && tries < SEIZE_TRIES; tries++) {
      if (isBeyondSeizing(this.host, tid)) return 'zombie';
      seized = attemptSeize(this.host, tid, FROZEN_OPTIONS);
    }
    if (seized === -ESRCH) return 'gone';
    if (seized === -EPERM) throw notOurs(this.host, tid);
    if (seized < 0) {
      const errno = errnoName(-seized);
      throw refused(`PTRACE_SEIZE: ${errno}`, { pid: tid, syscall: 'ptrace', errno });
    }
    this.#threads.set(tid, 'running');
    // ESRCH: it died meanwhile; the wait below says so.
    interrupt(this.host, tid);
    return 'seized';
  }

  /**
   * A leader that stood still, or had ended, may have been killed since by a thread that was not seized yet and ran exec:
   * that one has its number now, and of it no event tells.
   */
  forgetReplaced(leader: Pid): void {
    const state = this.#threads.get(leader);
    const isReplaced =
      (state === 'stopped' && !isStoppedTracee(this.host, leader)) ||
      (state === 'dead' && isLiving(this.host, leader));
    if (isReplaced) this.#threads.delete(leader);
  }

  /** The signal that has stopped the process of these threads; undefined: none has. SIGCONT is not seen here. */
  stopSignalOf(threads: readonly { tid: Pid }[]): number | undefined {
    for (const { tid } of threads) {
      const signal = this.#stopSignals.get(tid);
      if (signal !== undefined) return signal;
    }
    return undefined;
  }

  isKnown(tid: Pid): boolean {
    return this.#threads.has(tid);
  }

  isDead(tid: Pid): boolean {
    return this.#threads.get(tid) === 'dead';
  }

  /** A thread has ended while the tree was frozen: somebody killed it. */
  noteEnd(tid: Pid): void {
    if (this.#threads.has(tid)) this.#threads.set(tid, 'dead');
  }

  /**
   * A thread stands still because its process was stopped. The stop stays in force while the thread runs for us, and the
   * kernel stops it again when it is let go, by us or by our death.
   */
  noteStopSignal(tid: Pid, signal: number): void {
    this.#stopSignals.set(tid, signal);
  }

  /** Waits until no seized thread is running. */
  waitStopped(): void {
    // Each of them has an event to come: they are counted again when that many have been seen.
    for (let left = this.running.length; left > 0; left = this.running.length) {
      for (; left > 0; left--) {
        const event = waitAnyOrTick(this.host, this.interrupts, () => describeRunning(this));
        if (event) this.#handle(event);
        else {
          this.#dropLost();
          break;
        }
      }
    }
  }

  #handle(event: WaitEvent): void {
    const { tid } = event;
    if (event.kind !== 'stopped') {
      this.noteEnd(tid);
    } else if (event.event === PTRACE_EVENT_EXEC) {
      this.#replace(tid);
    } else if (!this.#threads.has(tid)) {
      attemptDetach(this.host, tid, signalOf(event));
    } else if (event.event === PTRACE_EVENT_STOP) {
      this.#threads.set(tid, 'stopped');
      if (event.signal !== SIGTRAP) this.noteStopSignal(tid, event.signal);
    } else {
      // A signal on its way is delivered as it would have been; the stop we asked for follows.
      resume(this.host, tid, event.signal);
    }
  }

  /**
   * After an exec: the thread that called it has the leader's number now, whose former owner may have been a zombie, and
   * must be asked to stop once more.
   */
  #replace(tid: Pid): void {
    const former = pid(eventMessage(this.host, tid));
    if (former !== tid) this.#threads.set(former, 'dead');
    this.#threads.set(tid, 'running');
    interrupt(this.host, tid);
    resume(this.host, tid);
  }

  /**
   * Threads of which no event tells that they will not stop: a leader that has ended before its other threads, or one
   * that has gone as a thread which was not seized yet ran exec.
   */
  #dropLost(): void {
    for (const tid of this.running) {
      const text = readIfThere(this.host, `/proc/${tid}/status`);
      const { State = 'X', TracerPid = 0 } = text === undefined ? {} : parseStatus(text);
      if (State === 'Z') this.#threads.set(tid, 'dead');
      else if (TracerPid === 0) this.#threads.delete(tid);
    }
  }

  /**
   * Who was asked to stop and has not yet can be let go only when it has. One that never does (a parent inside vfork)
   * is let go by the kernel when we end.
   */
  #settle(): void {
    const deadline = performance.now() + SETTLE_MS;
    try {
      if (this.running.length > 0) this.interrupts.armCleanup(1);
      while (this.running.length > 0 && performance.now() < deadline) {
        const event = waitAnyOrTick(this.host, this.interrupts, () => describeRunning(this));
        if (event?.kind === 'stopped') attemptDetach(this.host, event.tid, signalOf(event));
        if (event) this.#threads.set(event.tid, 'dead');
      }
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
  }
}

/** The signal to go on with from a stop: one that is on its way. */
export const signalOf = (event: WaitEvent & { kind: 'stopped' }): number =>
  event.event === 0 && !isSyscallStop(event) ? event.signal : 0;

/** ESRCH: killed meanwhile, and with it gone from us. Anything else would leave it stopped for as long as we live. */
export function detachSurely(host: Host, tid: Pid): void {
  const result = attemptDetach(host, tid);
  if (result < 0 && result !== -ESRCH) attemptDetach(host, tid);
}

/** Stops the tree below `root`, whole, or leaves it running and throws. `hold`: what of it is in a cgroup that is frozen. */
export function freezeTree(
  host: Host,
  root: Pid,
  { interrupts, hold }: { interrupts: Interrupts; hold?: CgroupHold | undefined },
): FrozenTree {
  const tree = new FrozenTree(host, interrupts);
  tree.hold = hold;
  try {
    if (isGone(host, root)) throw gone('no such process', { pid: root });
    const family = new Family(host, root);
    for (let relatives = family.update(); relatives.length > 0; relatives = family.update()) {
      refuseOurselves(relatives);
      const found = relatives.map((one) => ({ ...one, zombie: false, threads: [] }));
      if (tree.processes.length === 0 && hold) {
        for (const process of found) seizeNewThreads(tree, process);
        hold.release();
      }
      freezeProcesses(tree, found, family);
    }
    return tree;
  } catch (error) {
    tree.thaw();
    throw error;
  }
}

/** Who asks a tree to stop in which it lives never gets an answer. */
function refuseOurselves(found: readonly Relative[]): void {
  if (!found.some((relative) => relative.pid === process.pid)) return;
  throw refused('woodfrog itself runs in this tree', {
    pid: process.pid,
    remedy: 'call it from outside of the tree, or start the program by setsid and dump that alone',
  });
}

/** Stops these processes, every thread, and adds them to the tree. */
function freezeProcesses(tree: FrozenTree, found: FrozenProcess[], family: Family): void {
  let open = found;
  // A thread that starts another one before it stops is caught by listing once more after it has.
  while (open.length > 0) {
    tree.interrupts.check(() => describeRunning(tree));
    const growing = open.filter((process) => seizeNewThreads(tree, process));
    tree.waitStopped();
    open = growing;
  }
  for (const process of found) {
    process.threads = process.threads.filter((tid) => tree.isKnown(tid) && !tree.isDead(tid));
    process.zombie = process.threads.length === 0;
    if (process.zombie && isGone(tree.host, process.pid)) {
      if (process.parent === undefined)
        throw gone('the process ended meanwhile', { pid: process.pid });
      family.forget(process.pid);
      continue;
    }
    tree.processes.push(process);
  }
}

/** Seizes the threads that are not seized yet; false when there were none, and none was on its way elsewhere. */
function seizeNewThreads(tree: FrozenTree, process: FrozenProcess): boolean {
  const names = attemptReadDir(tree.host, `/proc/${process.pid}/task`);
  if (typeof names === 'number') {
    if (names !== -ESRCH && names !== -ENOENT) throw unlisted(process, names);
    if (process.parent !== undefined) return false;
    throw gone('the process ended meanwhile', { pid: process.pid });
  }
  tree.forgetReplaced(process.pid);
  const listed = new Set(process.threads.filter((tid) => tree.isKnown(tid)));
  let mayBeMore = false;
  for (const name of names) {
    const tid = pid(Number(name));
    if (listed.has(tid)) continue;
    // Known, and not listed: an exec has given it this number since.
    if (!tree.isKnown(tid)) {
      const result = tree.seize(tid);
      // One that has gone may have run exec, and have another number now.
      if (result !== 'zombie') mayBeMore = true;
      if (result !== 'seized') continue;
    }
    listed.add(tid);
  }
  const hasLiving = [...listed].some((tid) => !tree.isDead(tid));
  if (!hasLiving && !hasEnded(tree.host, process.pid)) mayBeMore = true;
  process.threads = [...listed].sort((one, other) => rank(process, one) - rank(process, other));
  return mayBeMore;
}

/** The leader first; the others as they were found. */
const rank = ({ pid: leader }: FrozenProcess, tid: Pid): number => (tid === leader ? 0 : 1);

const unlisted = ({ pid: leader }: FrozenProcess, result: number): CheckpointError =>
  refused(`its threads cannot be listed: ${errnoName(-result)}`, { pid: leader });

const isGone = (host: Host, process: Pid): boolean =>
  readIfThere(host, `/proc/${process}/stat`) === undefined;

/** EPERM of PTRACE_SEIZE: a zombie, which is dumped as such; one that has gone; or one of ours, under a new number. */
function isBeyondSeizing(host: Host, tid: Pid): boolean {
  const text = readIfThere(host, `/proc/${tid}/status`);
  if (text === undefined) return true;
  const { State, TracerPid } = parseStatus(text);
  return State === 'Z' || State === 'X' || TracerPid === host.call(gettid, {});
}

/** A zombie, and none of its threads is left: one that calls exec makes a zombie of its leader for a moment. */
function hasEnded(host: Host, leader: Pid): boolean {
  const text = readIfThere(host, `/proc/${leader}/status`);
  if (text === undefined) return true;
  const { State, Threads = 1 } = parseStatus(text);
  return (State === 'Z' || State === 'X') && Threads <= 1;
}

const isLiving = (host: Host, tid: Pid): boolean => {
  const text = readIfThere(host, `/proc/${tid}/stat`);
  const state = text === undefined ? 'X' : parseStat(text).state;
  return state !== 'Z' && state !== 'X';
};

/** EPERM for good has a reason to be told. */
function notOurs(host: Host, tid: Pid): CheckpointError {
  const text = readIfThere(host, `/proc/${tid}/status`);
  if (text === undefined) return gone('the task ended meanwhile', { pid: tid });
  const { TracerPid, Name } = parseStatus(text);
  const where = { pid: tid, comm: Name };
  if (TracerPid !== 0) {
    return refused(`the task is traced by pid ${TracerPid} (${commOf(host, pid(TracerPid))})`, {
      ...where,
      remedy: 'detach the debugger or tracer first',
    });
  }
  return refused('PTRACE_SEIZE: EPERM', {
    ...where,
    errno: 'EPERM',
    syscall: 'ptrace',
    remedy:
      'run as root, or with CAP_SYS_PTRACE; Yama (kernel.yama.ptrace_scope=3) forbids it to all',
  });
}

function commOf(host: Host, tid: Pid): string {
  const text = attemptReadText(host, `/proc/${tid}/stat`);
  return typeof text === 'number' ? '?' : parseStat(text).comm;
}

/** Who has not stopped, and why that may be. */
function describeRunning(tree: FrozenTree): string {
  const [first, ...rest] = tree.running;
  if (first === undefined) return 'the tree to stop';
  const state = within({ pid: first }, () => attemptReadText(tree.host, `/proc/${first}/stat`));
  const comm = commOf(tree.host, first);
  const uninterruptible = typeof state !== 'number' && parseStat(state).state === 'D';
  const why = uninterruptible
    ? ', which is in an uninterruptible sleep: a parent inside vfork(2) until its child runs exec or exits, or one waiting for a device'
    : '';
  const others = rest.length > 0 ? ` and ${rest.length} others` : '';
  return `pid ${first} (${comm})${others} to stop${why}`;
}
