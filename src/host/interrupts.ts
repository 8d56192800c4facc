/**
 * Deadlines and Ctrl-C inside synchronous sections. JavaScript handlers cannot run there, and wait4 has no timeout:
 * so a timer, or an emitted handler of SIGINT and SIGTERM that sets a byte, makes the blocked call return EINTR. The
 * timer repeats, as its first tick may come just before the call that it should interrupt.
 * Several threads of a process may do this at once: the timer belongs to a thread, its signal's handler has no state.
 */
import { flagHandler } from '../arch/arch.js';
import { SIG_SETMASK, SIG_UNBLOCK, SIGINT, SIGTERM, sigaction, sigmask } from '../linux/signal.js';
import { bytes, i32, struct, u64 } from '../linux/struct.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import {
  gettid,
  rtSigaction,
  rtSigprocmask,
  timerCreate,
  timerDelete,
  timerSettime,
} from '../linux/syscalls/tasks.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { CLOCK_MONOTONIC, itimerspec } from '../linux/uapi/sched.js';
import { PAGE_SIZE } from '../support/brand.js';
import { u64Bytes, viewOf } from '../support/bytes.js';
import { monotonicMs } from '../support/clock.js';
import { refused } from '../support/errors.js';
import { type Host, syscallError } from './host.js';
import { installWakeHandler, SA_RESTORER } from './wake-signal.js';

const SIGEV_THREAD_ID = 4;
const TICK_MS = 20;
/** SIGINT may come just before the call that it should interrupt: how long it is overlooked then. */
const WATCH_MS = 100;
const never = () => false;

export interface InterruptOptions {
  /**
   * Whether the caller asks to stop: looked at every 20 ms while a deadline is armed. Without it, SIGINT and SIGTERM ask
   * to stop; with it, the process's handlers of both are left alone.
   */
  readonly cancelled?: (() => boolean) | undefined;
}

/** asm-generic/siginfo.h. */
const sigevent = struct(
  'sigevent',
  {
    sigev_value: u64,
    sigev_signo: i32,
    sigev_notify: i32,
    sigev_notify_thread_id: i32,
    pad: bytes(44),
  },
  { size: 64 },
);

export class Interrupts implements Disposable {
  readonly #host: Host;
  readonly #memory: { page: number; flags: Uint8Array } | undefined;
  readonly #saved: { signum: number; action: Uint8Array }[] = [];
  readonly #savedMask: Uint8Array;
  readonly #timer: number;
  readonly #polled: boolean;
  #cancelled: () => boolean;
  #deadline = Number.POSITIVE_INFINITY;
  #timeoutSec = 0;

  constructor(host: Host, { cancelled }: InterruptOptions = {}) {
    this.#host = host;
    this.#cancelled = cancelled ?? never;
    this.#polled = cancelled !== undefined;
    const wakeSignal = installWakeHandler(host);
    this.#savedMask = this.#unblock(wakeSignal);
    if (cancelled === undefined) this.#memory = this.#installSignals();
    this.#timer = this.#createTimer(wakeSignal);
  }

  /** A blocked signal interrupts nothing: masks are inherited. Returns the mask from before. */
  #unblock(signum: number): Uint8Array {
    using scope = this.#host.scope();
    const old = scope.alloc(8);
    const set = u64Bytes(sigmask(signum));
    this.#host.call(rtSigprocmask, { how: SIG_UNBLOCK, set, oldset: old, sigsetsize: 8 });
    return old.bytes.slice();
  }

  #installSignals(): { page: number; flags: Uint8Array } {
    const page = this.#host.call(mmap, {
      addr: 0,
      length: PAGE_SIZE,
      prot: PROT_READ | PROT_WRITE | PROT_EXEC,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      fd: -1,
      offset: 0,
    });
    const bytes = this.#host.ffi.view(page, PAGE_SIZE);
    [SIGINT, SIGTERM].forEach((signum, i) => {
      const { code, labels } = flagHandler(page + i);
      const at = 64 * (i + 1);
      bytes.set(code, at);
      this.#install(signum, page + at, labels);
    });
    return { page, flags: bytes.subarray(0, 2) };
  }

  #install(signum: number, code: number, labels: Readonly<Record<string, number>>): void {
    using scope = this.#host.scope();
    const old = scope.alloc(sigaction.size);
    const act = sigaction.encode({
      sa_handler: BigInt(code + (labels.handler ?? 0)),
      sa_flags: SA_RESTORER,
      sa_restorer: BigInt(code + (labels.restorer ?? 0)),
      sa_mask: 0n,
    });
    this.#host.call(rtSigaction, { signum, act, oldact: old, sigsetsize: 8 });
    this.#saved.push({ signum, action: old.bytes.slice() });
  }

  #createTimer(signum: number): number {
    using scope = this.#host.scope();
    const id = scope.alloc(8);
    const event = sigevent.encode({
      sigev_signo: signum,
      sigev_notify: SIGEV_THREAD_ID,
      sigev_notify_thread_id: this.#host.call(gettid, {}),
    });
    this.#host.call(timerCreate, { clockid: CLOCK_MONOTONIC, sevp: event, timerid: id });
    return viewOf(id.bytes).getInt32(0, true);
  }

  /**
   * From now on `check` fails after `seconds` (0: never), and blocking calls are interrupted now and then, to be checked:
   * with `ticking` every 20 ms, for callers that have something else to look at, too.
   */
  arm(seconds: number, { ticking = false } = {}): void {
    const result = this.#start(seconds, ticking);
    if (result < 0) throw syscallError('timer_settime', -result);
  }

  /**
   * For cleaning up after a failure: what asked us to stop no longer does, and a new, short time limit holds. Never
   * throws: a timer that cannot be set still ticks as it did.
   */
  armCleanup(seconds: number): void {
    this.#memory?.flags.fill(0);
    this.#cancelled = never;
    this.#start(seconds, true);
  }

  disarm(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#settime(0);
  }

  #start(seconds: number, ticking: boolean): number {
    this.#timeoutSec = seconds;
    const limitMs = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
    this.#deadline = monotonicMs() + limitMs;
    return this.#settime(ticking || this.#polled ? TICK_MS : Math.min(limitMs, WATCH_MS));
  }

  #settime(everyMs: number): number {
    const toTimespec = (ms: number) => ({
      tv_sec: Math.floor(ms / 1000),
      tv_nsec: Math.round((ms % 1000) * 1e6),
    });
    const value = { it_interval: toTimespec(everyMs), it_value: toTimespec(everyMs) };
    return this.#host.attempt(timerSettime, {
      timerid: this.#timer,
      flags: 0,
      new_value: itimerspec.encode(value),
      old_value: 0,
    });
  }

  /** Throws when a person asked to stop, or the deadline has passed. `waitingFor` names what was not there in time. */
  check(waitingFor: () => string): void {
    if (this.#memory?.flags[0] === 1) throw refused('interrupted by SIGINT');
    if (this.#memory?.flags[1] === 1) throw refused('interrupted by SIGTERM');
    if (this.#cancelled()) throw refused('cancelled by the caller');
    if (monotonicMs() >= this.#deadline) {
      throw refused(`timed out after ${this.#timeoutSec} s waiting for ${waitingFor()}`, {
        errno: 'ETIMEDOUT',
        remedy: 'a longer --timeout gives the tree more time to stop',
      });
    }
  }

  /** Best effort: what was done is done, whatever fails here. */
  [Symbol.dispose](): void {
    this.#host.attempt(timerDelete, { timerid: this.#timer });
    for (const { signum, action } of this.#saved) {
      this.#host.attempt(rtSigaction, { signum, act: action, oldact: 0, sigsetsize: 8 });
    }
    const set = this.#savedMask;
    this.#host.attempt(rtSigprocmask, { how: SIG_SETMASK, set, oldset: 0, sigsetsize: 8 });
    if (this.#memory) this.#host.attempt(munmap, { addr: this.#memory.page, length: PAGE_SIZE });
  }
}
