/**
 * Deadlines and Ctrl-C inside synchronous sections. JavaScript handlers cannot run there, and wait4 has no timeout:
 * so an emitted handler sets a byte for SIGINT, SIGTERM or our timer, and the blocked call returns EINTR. The timer
 * repeats, as its first tick may come just before the call that it should interrupt.
 */
import { flagHandler } from '../arch/arch.js';
import { SIGINT, SIGTERM, sigaction } from '../linux/signal.js';
import { bytes, i32, struct, u64 } from '../linux/struct.js';
import { mmap } from '../linux/syscalls/memory.js';
import {
  gettid,
  rtSigaction,
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
import { viewOf } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import type { Host } from './host.js';

/** A real-time signal that neither Node nor libuv uses. */
const TIMER_SIGNAL = 62;
const SIGEV_THREAD_ID = 4;
const SA_RESTORER = 0x0400_0000n;
const TICK_MS = 20;

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
  readonly #flags: Uint8Array;
  readonly #saved: { signum: number; action: Uint8Array }[] = [];
  readonly #timer: number;
  #deadline = Number.POSITIVE_INFINITY;
  #timeoutSec = 0;

  constructor(host: Host) {
    this.#host = host;
    const page = host.call(mmap, {
      addr: 0,
      length: PAGE_SIZE,
      prot: PROT_READ | PROT_WRITE | PROT_EXEC,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      fd: -1,
      offset: 0,
    });
    const memory = host.ffi.view(page, PAGE_SIZE);
    this.#flags = memory.subarray(0, 3);
    [SIGINT, SIGTERM, TIMER_SIGNAL].forEach((signum, i) => {
      const { code, labels } = flagHandler(page + i);
      const at = 64 * (i + 1);
      memory.set(code, at);
      this.#install(signum, page + at, labels);
    });
    this.#timer = this.#createTimer();
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

  #createTimer(): number {
    using scope = this.#host.scope();
    const id = scope.alloc(8);
    const event = sigevent.encode({
      sigev_signo: TIMER_SIGNAL,
      sigev_notify: SIGEV_THREAD_ID,
      sigev_notify_thread_id: this.#host.call(gettid, {}),
    });
    this.#host.call(timerCreate, { clockid: CLOCK_MONOTONIC, sevp: event, timerid: id });
    return viewOf(id.bytes).getInt32(0, true);
  }

  /**
   * From now on `check` fails after `seconds` (0: never), and blocking calls are interrupted then: or, with `ticking`,
   * every 20 ms from now on, for callers that have something else to look at, too.
   */
  arm(seconds: number, { ticking = false } = {}): void {
    this.#timeoutSec = seconds;
    const limitMs = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
    this.#deadline = performance.now() + limitMs;
    if (ticking) this.#settime(TICK_MS, TICK_MS);
    else if (seconds > 0) this.#settime(limitMs, TICK_MS);
    else this.disarm();
  }

  /** For cleaning up after a failure: what asked us to stop no longer does, and a new, short time limit holds. */
  armCleanup(seconds: number): void {
    this.#flags.fill(0);
    this.arm(seconds);
  }

  disarm(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#settime(0, 0);
  }

  #settime(firstMs: number, everyMs: number): void {
    const toTimespec = (ms: number) => ({
      tv_sec: Math.floor(ms / 1000),
      tv_nsec: Math.round((ms % 1000) * 1e6),
    });
    const value = { it_interval: toTimespec(everyMs), it_value: toTimespec(firstMs) };
    this.#host.call(timerSettime, {
      timerid: this.#timer,
      flags: 0,
      new_value: itimerspec.encode(value),
      old_value: 0,
    });
  }

  /** Throws when a person asked to stop, or the deadline has passed. `waitingFor` names what was not there in time. */
  check(waitingFor: () => string): void {
    if (this.#flags[0] === 1) throw refused('interrupted by SIGINT');
    if (this.#flags[1] === 1) throw refused('interrupted by SIGTERM');
    if (performance.now() >= this.#deadline) {
      throw refused(`timed out after ${this.#timeoutSec} s waiting for ${waitingFor()}`, {
        errno: 'ETIMEDOUT',
        remedy: 'a longer --timeout gives the tree more time to stop',
      });
    }
  }

  [Symbol.dispose](): void {
    this.#host.call(timerDelete, { timerid: this.#timer });
    for (const { signum, action } of this.#saved) {
      this.#host.call(rtSigaction, { signum, act: action, oldact: 0, sigsetsize: 8 });
    }
  }
}
