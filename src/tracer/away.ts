/**
 * Threads of a frozen tree that run something of ours, and their way back: wherever they are, they are stopped and get
 * their own registers and signal mask again. What cannot be brought back in time (it was killed, or we are out of luck)
 * finds back by itself: the frame with its true state is where it returns to.
 */
import type { Registers } from '../arch/arch.js';
import type { ThreadView } from '../checkpoint/views.js';
import type { Host } from '../host/host.js';
import {
  attemptInterrupt,
  attemptResume,
  getRegisters,
  setRegisters,
  setSigmask,
} from '../host/ptrace.js';
import { type WaitEvent, waitAny } from '../host/wait.js';
import { SIGTRAP } from '../linux/signal.js';
import { PTRACE_EVENT_STOP } from '../linux/uapi/ptrace.js';
import { CheckpointError } from '../support/errors.js';
import { type FrozenTree, signalOf } from './freeze.js';

/** How long a thread may take to stop: it is inside a system call that is interrupted. */
const BACK_SEC = 5;

/** Whether a thread with these registers runs what we gave it; else it has found back by itself, and gone on. */
type IsOurs = (regs: Registers) => boolean;

export class Away {
  readonly #tree: FrozenTree;
  readonly #threads = new Map<number, { thread: ThreadView; isOurs: IsOurs }>();

  constructor(tree: FrozenTree) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#threads.size;
  }

  has(tid: number): boolean {
    return this.#threads.has(tid);
  }

  /** Before its registers are changed. */
  add(thread: ThreadView, isOurs: IsOurs): void {
    this.#threads.set(thread.tid, { thread, isOurs });
  }

  /** It has died, or gone on by itself. Undefined: it was not away. */
  end(tid: number): ThreadView | undefined {
    const found = this.#threads.get(tid);
    this.#threads.delete(tid);
    return found?.thread;
  }

  /** At a stop that was asked for, or for a signal: there the kernel restarts the call that the freeze interrupted. */
  restore(tid: number): void {
    const found = this.#threads.get(tid);
    if (found === undefined) return;
    restoreThread(this.#tree.host, found.thread);
    this.#threads.delete(tid);
  }

  /**
   * A stop that nobody asked for. When a job control signal stops a process, its threads that run for us say so.
   */
  noteStop({ event, signal, tid }: WaitEvent & { kind: 'stopped' }): void {
    if (event === PTRACE_EVENT_STOP && signal !== SIGTRAP) this.#tree.noteStopSignal(tid, signal);
  }

  /**
   * After a failure: all of them come back. `seen` is told the registers of each that was still ours, before they are
   * changed. Throws nothing but mistakes of ours: the failure is the one to tell.
   */
  bringBack(seen?: (tid: number, regs: Registers) => void): void {
    const { host, interrupts } = this.#tree;
    interrupts.armCleanup(BACK_SEC);
    for (const tid of this.#threads.keys()) {
      attemptInterrupt(host, tid);
      // ESRCH: it runs, and the stop is on its way. Or it has stopped, at a call say: then it stops once more.
      attemptResume(host, tid);
    }
    try {
      while (this.#threads.size > 0) this.#awaitOne(seen);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
  }

  #awaitOne(seen: ((tid: number, regs: Registers) => void) | undefined): void {
    const { host, interrupts } = this.#tree;
    const event = waitAny(host, interrupts, () => 'a task to come back');
    const { tid } = event;
    if (event.kind !== 'stopped') {
      this.#tree.noteEnd(tid);
      this.end(tid);
    } else if (this.has(tid)) {
      this.noteStop(event);
      if (event.event === PTRACE_EVENT_STOP) this.#takeBack(tid, seen);
      else attemptResume(host, tid, signalOf(event));
    }
  }

  /** At a stop that was asked for, before any code of the task. */
  #takeBack(tid: number, seen: ((tid: number, regs: Registers) => void) | undefined): void {
    const regs = getRegisters(this.#tree.host, tid);
    if (this.#threads.get(tid)?.isOurs(regs)) {
      seen?.(tid, regs);
      this.restore(tid);
    } else {
      this.end(tid);
    }
  }
}

/**
 * Puts a thread's own mask and registers back. The mask first: if we die in between, a signal handler runs on the slack
 * below the records, or below the frame, and returns.
 */
function restoreThread(host: Host, { tid, regs, sigmask }: ThreadView): void {
  setSigmask(host, tid, sigmask);
  setRegisters(host, tid, regs);
}
