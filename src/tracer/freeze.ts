/**
 * Freezes a process tree: seizes every thread, interrupts it, and waits until all have stopped. Threads are listed
 * again until none is new, children only once their parent stands still: so nothing is born unseen. Nothing is
 * changed in any task; when the tracer dies, every task goes on.
 */

import { attemptReadDir, attemptReadText, readDir } from '../host/files.js';
import type { Host } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import { attemptDetach, attemptSeize, interrupt, resume } from '../host/ptrace.js';
import { type WaitEvent, waitAny } from '../host/wait.js';
import { EPERM, ESRCH } from '../linux/errno.js';
import { parseStat } from '../linux/procfs/stat.js';
import { parseStatus } from '../linux/procfs/status.js';
import { SIGTRAP, signalName } from '../linux/signal.js';
import { kill } from '../linux/syscalls/tasks.js';
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
  /** Those that have not stopped yet: asked for at every stop of a thousand threads. */
  readonly #running = new Set<Pid>();
  /** Signals that came meanwhile and could not be kept pending. */
  readonly #toSend: { tid: Pid; signal: number }[] = [];
  #released = false;

  constructor(host: Host, interrupts: Interrupts) {
    this.host = host;
    this.interrupts = interrupts;
  }

  /** Detaches from every thread: the tree runs on as it was. Runs at scope end, whatever happened. */
  thaw(): void {
    if (this.#released) return;
    this.#released = true;
    for (const { tid, signal } of this.#toSend) {
      // ESRCH: the thread has ended, and the signal with it.
      this.host.attempt(kill, { pid: tid, sig: signal });
    }
    for (const [tid, state] of this.#threads) {
      // ESRCH: killed meanwhile, and with it gone from us.
      if (state !== 'dead') attemptDetach(this.host, tid);
    }
  }

  /** Sends a signal to the thread's process when the tree is let go. */
  sendAtThaw(tid: Pid, signal: number): void {
    this.#toSend.push({ tid, signal });
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
    this.#setState(tid, 'running');
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
    while (this.#running.size > 0) {
      this.handle(waitAny(this.host, this.interrupts, () => describeRunning(this)));
    }
  }

  get running(): Pid[] {
    return [...this.#running];
  }

  #setState(tid: Pid, state: ThreadState): void {
    this.#threads.set(tid, state);
    if (state === 'running') this.#running.add(tid);
    else this.#running.delete(tid);
  }

  handle(event: WaitEvent): void {
    const { tid } = event;
    if (!this.#threads.has(tid)) return;
    if (event.kind !== 'stopped') {
      this.#setState(tid, 'dead');
    } else if (event.event === PTRACE_EVENT_STOP && event.signal === SIGTRAP) {
      this.#setState(tid, 'stopped');
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
    const family = new Family(host, root);
    for (let found = family.update(); found.length > 0; found = family.update()) {
      freezeProcesses(tree, found);
    }
    return tree;
  } catch (error) {
    tree.thaw();
    throw error;
  }
}

/**
 * Who descends from the root, found by the parent that every process names: /proc/PID/task/TID/children is a kernel
 * option (CONFIG_PROC_CHILDREN) that not all have. The first look is taken while nothing is stopped; later ones read
 * only processes that are new, until there is none: a stopped tree has no children.
 */
class Family {
  readonly #host: Host;
  readonly #root: Pid;
  /** Every process looked at: its parent. */
  readonly #parents = new Map<number, number>();
  readonly #members = new Set<number>();

  constructor(host: Host, root: Pid) {
    this.#host = host;
    this.#root = root;
  }

  /** Members of the tree that were not there at the last look, parents first. */
  update(): FrozenProcess[] {
    const children = new Map<number, number[]>();
    for (const name of readDir(this.#host, '/proc')) {
      const id = Number(name);
      if (Number.isNaN(id)) continue;
      const parent = this.#parents.get(id) ?? this.#parentOf(id);
      if (parent === undefined) continue;
      const siblings = children.get(parent);
      if (siblings) siblings.push(id);
      else children.set(parent, [id]);
    }
    const found: FrozenProcess[] = [];
    const queue: { id: number; parent: number | undefined }[] = [
      { id: this.#root, parent: undefined },
    ];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { id, parent } = next;
      if (!this.#members.has(id)) {
        this.#members.add(id);
        found.push({
          pid: pid(id),
          parent: parent === undefined ? undefined : pid(parent),
          zombie: false,
          threads: [],
        });
      }
      for (const child of children.get(id) ?? []) queue.push({ id: child, parent: id });
    }
    return found;
  }

  #parentOf(id: number): number | undefined {
    const text = attemptReadText(this.#host, `/proc/${id}/stat`);
    if (typeof text === 'number') return undefined;
    const { ppid } = parseStat(text);
    this.#parents.set(id, ppid);
    return ppid;
  }
}

/** Stops these processes, every thread, and adds them to the tree. */
function freezeProcesses(tree: FrozenTree, found: readonly FrozenProcess[]): void {
  let open = [...found];
  // A thread that starts another one before it stops is caught by listing once more after it has.
  while (open.length > 0) {
    const growing = open.filter((process) => seizeNewThreads(tree, process));
    tree.waitStopped();
    open = growing;
  }
  for (const process of found) {
    process.threads = process.threads.filter((tid) => !tree.isDead(tid));
    process.zombie = process.threads.length === 0;
    if (process.zombie && isGone(tree.host, process.pid)) {
      if (process.parent === undefined)
        throw gone('the process ended meanwhile', { pid: process.pid });
      continue;
    }
    tree.processes.push(process);
  }
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
