/**
 * Freezes a process tree: seizes every thread, interrupts it, and waits until all have stopped. Threads are listed
 * again until none is new, children only once their parent stands still: so nothing is born unseen. Nothing is
 * changed in any task; when the tracer dies, every task goes on.
 */

import { attemptReadDir, attemptReadText } from '../host/files.js';
import type { Host } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import { attemptDetach, attemptSeize, interrupt, resume } from '../host/ptrace.js';
import { type WaitEvent, waitAny } from '../host/wait.js';
import { EPERM, ESRCH } from '../linux/errno.js';
import { parseStat } from '../linux/procfs/stat.js';
import { parseStatus } from '../linux/procfs/status.js';
import { SIGTRAP, signalName } from '../linux/signal.js';
import { PTRACE_EVENT_STOP, PTRACE_O_TRACESYSGOOD } from '../linux/uapi/ptrace.js';
import { type Pid, pid } from '../support/brand.js';
import { gone, refused, unsupported, within } from '../support/errors.js';

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
  /** Parents before their children. */
  readonly processes: FrozenProcess[] = [];
  /** Every thread we are attached to. */
  readonly #threads = new Map<Pid, ThreadState>();
  /** Stops that came for threads not yet listed. */
  #released = false;

  constructor(host: Host, interrupts: Interrupts) {
    this.host = host;
    this.interrupts = interrupts;
  }

  /** Detaches from every thread: the tree runs on as it was. Runs at scope end, whatever happened. */
  thaw(): void {
    if (this.#released) return;
    this.#released = true;
    for (const [tid, state] of this.#threads) {
      // ESRCH: killed meanwhile, and with it gone from us.
      if (state !== 'dead') attemptDetach(this.host, tid);
    }
  }

  /** The tree is no longer ours to thaw: its tasks were killed. */
  abandon(): void {
    this.#released = true;
  }

  [Symbol.dispose](): void {
    this.thaw();
  }

  get threads(): Pid[] {
    return [...this.#threads].filter(([, state]) => state === 'stopped').map(([tid]) => tid);
  }

  /** Seizes a thread and asks it to stop; false when it cannot be: a zombie, or gone. */
  seize(tid: Pid): boolean {
    const seized = attemptSeize(this.host, tid, PTRACE_O_TRACESYSGOOD);
    if (seized === -ESRCH) return false;
    if (seized === -EPERM) {
      refuseUnlessZombie(this.host, tid);
      return false;
    }
    if (seized < 0) throw refused(`PTRACE_SEIZE failed with errno ${-seized}`, { pid: tid });
    this.#threads.set(tid, 'running');
    // ESRCH: it died meanwhile; the wait below says so.
    interrupt(this.host, tid);
    return true;
  }

  isKnown(tid: Pid): boolean {
    return this.#threads.has(tid);
  }

  isDead(tid: Pid): boolean {
    return this.#threads.get(tid) === 'dead';
  }

  /** Waits until no seized thread is running. */
  waitStopped(): void {
    while (this.#running().length > 0) {
      this.handle(waitAny(this.host, this.interrupts, () => describeRunning(this)));
    }
  }

  #running(): Pid[] {
    return [...this.#threads].filter(([, state]) => state === 'running').map(([tid]) => tid);
  }

  get running(): Pid[] {
    return this.#running();
  }

  handle(event: WaitEvent): void {
    const { tid } = event;
    if (!this.#threads.has(tid)) return;
    if (event.kind !== 'stopped') {
      this.#threads.set(tid, 'dead');
    } else if (event.event === PTRACE_EVENT_STOP && event.signal === SIGTRAP) {
      this.#threads.set(tid, 'stopped');
    } else if (event.event === PTRACE_EVENT_STOP) {
      throw unsupported(`the task is stopped by ${signalName(event.signal)}`, {
        pid: tid,
        comm: commOf(this.host, tid),
        remedy: `continue it first: kill -CONT ${tid}`,
      });
    } else {
      // A signal on its way is delivered as it would have been; the stop we asked for follows.
      resume(this.host, tid, event.signal);
    }
  }
}

/** Stops the tree below `root`, whole, or leaves it running and throws. */
export function freezeTree(host: Host, root: Pid, interrupts: Interrupts): FrozenTree {
  const tree = new FrozenTree(host, interrupts);
  try {
    if (typeof attemptReadDir(host, `/proc/${root}`) === 'number') {
      throw gone('no such process', { pid: root });
    }
    let level: { pid: Pid; parent: Pid | undefined }[] = [{ pid: root, parent: undefined }];
    while (level.length > 0) {
      level = freezeLevel(tree, level);
    }
    return tree;
  } catch (error) {
    tree.thaw();
    throw error;
  }
}

/** Stops these processes and returns their children. */
function freezeLevel(
  tree: FrozenTree,
  level: readonly { pid: Pid; parent: Pid | undefined }[],
): { pid: Pid; parent: Pid }[] {
  const { host } = tree;
  let open = level.map(({ pid: leader, parent }) => ({
    pid: leader,
    parent,
    zombie: false,
    threads: [] as Pid[],
  }));
  const frozen = [...open];
  // A thread that starts another one before it stops is caught by listing once more after it has.
  while (open.length > 0) {
    const growing = open.filter((process) => seizeNewThreads(tree, process));
    tree.waitStopped();
    open = growing;
  }
  const children: { pid: Pid; parent: Pid }[] = [];
  for (const process of frozen) {
    process.threads = process.threads.filter((tid) => !tree.isDead(tid));
    process.zombie = process.threads.length === 0;
    if (process.zombie && isGone(host, process.pid)) continue;
    tree.processes.push(process);
    for (const child of childrenOf(host, process))
      children.push({ pid: child, parent: process.pid });
  }
  return children;
}

/** Seizes the threads that are not seized yet; false when there were none. */
function seizeNewThreads(tree: FrozenTree, process: FrozenProcess): boolean {
  const names = attemptReadDir(tree.host, `/proc/${process.pid}/task`);
  if (typeof names === 'number') {
    if (names === -ESRCH || process.parent !== undefined) return false;
    throw gone('the process ended meanwhile', { pid: process.pid });
  }
  let found = false;
  for (const name of names) {
    const tid = pid(Number(name));
    if (tree.isKnown(tid) || !tree.seize(tid)) continue;
    process.threads.push(tid);
    found = true;
  }
  return found;
}

/** Children of every thread: /proc/PID/task/TID/children (Linux 3.5, CONFIG_PROC_CHILDREN). */
function childrenOf(host: Host, process: FrozenProcess): Pid[] {
  const children: Pid[] = [];
  const tids = process.threads.length > 0 ? process.threads : [process.pid];
  for (const tid of tids) {
    const text = attemptReadText(host, `/proc/${process.pid}/task/${tid}/children`);
    if (typeof text === 'number') continue;
    for (const word of text.split(' ')) if (word !== '') children.push(pid(Number(word)));
  }
  return children;
}

const isGone = (host: Host, process: Pid): boolean =>
  typeof attemptReadText(host, `/proc/${process}/stat`) === 'number';

/** EPERM of PTRACE_SEIZE: a zombie is dumped as such; anything else has a reason to be told. */
function refuseUnlessZombie(host: Host, tid: Pid): void {
  const text = attemptReadText(host, `/proc/${tid}/status`);
  if (typeof text === 'number') return;
  const { State, TracerPid, Name } = parseStatus(text);
  if (State === 'Z' || State === 'X') return;
  const where = { pid: tid, comm: Name };
  if (TracerPid !== 0) {
    throw refused(`the task is traced by pid ${TracerPid} (${commOf(host, pid(TracerPid))})`, {
      ...where,
      remedy: 'detach the debugger or tracer first',
    });
  }
  throw refused('PTRACE_SEIZE: EPERM', {
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
