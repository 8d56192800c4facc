import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subject } from '../../../test/support/task-states.js';
import type { ProcessView, ThreadView } from '../../checkpoint/views.js';
import { EINVAL, ESRCH } from '../../linux/errno.js';
import { SI_TIMER, SIGEV_SIGNAL, siginfo_timer } from '../../linux/signal.js';
import { itimerspec, timespec } from '../../linux/uapi/sched.js';
import { pid, vpid } from '../../support/brand.js';
import type { AskingWithin, ProbeTape } from '../kinds.js';
import { findMakers } from './posix-timer-makers.js';
import { type MadeTimer, nanoseconds, timeOf } from './posix-timers.js';

/** CLOCK_THREAD_CPUTIME_ID, as /proc/PID/timers shows it, and the same time by ticks. */
const THREAD_CLOCK = -2;
const TICK_CLOCK = -4;
const MS = 1_000_000n;

interface Timer {
  /** The vtid; 0: it has ended. */
  owner: number;
  /** On its owner's clock; 0: not armed. */
  end: bigint;
  interval?: bigint;
}

/** As much of a kernel as knows threads, their CPU time and timers of it. */
class Kernel implements AskingWithin {
  readonly clocks: Map<number, bigint>;
  readonly timers: readonly Timer[];
  /** What a call takes of a thread. */
  readonly costOf: (vtid: number) => bigint;
  readonly process: ProcessView;
  runs = 0;

  constructor(
    vtids: readonly number[],
    timers: readonly Timer[],
    costOf = (vtid: number) => 200n + BigInt(vtid),
  ) {
    this.clocks = new Map(vtids.map((vtid) => [vtid, BigInt(vtid) * MS]));
    this.timers = timers;
    this.costOf = costOf;
    const { thread, process } = subject();
    const threads = vtids.map((vtid) => ({ ...thread, tid: pid(vtid), vtid: vpid(vtid) }));
    this.process = { ...process, threads };
  }

  refreshPending(): void {}

  program<T>(probe: (tape: ProbeTape) => () => T): (threads: readonly ThreadView[]) => T[] {
    return (threads) => threads.map(({ vtid }) => this.#run(vtid, probe));
  }

  #run<T>(vtid: number, probe: (tape: ProbeTape) => () => T): T {
    this.runs += 1;
    const places = new Map<number, Uint8Array>();
    const read = probe({
      is32Bit: false,
      call: (call, args) => {
        const result = this.#call(vtid, call.name, { args, places });
        return { result: () => result };
      },
      reserve: (length) => {
        const address = 64 * (places.size + 1);
        const bytes = new Uint8Array(length);
        places.set(address, bytes);
        return { address, length, read: () => bytes };
      },
    });
    return read();
  }

  #call(
    vtid: number,
    name: string,
    { args, places }: { args: Record<string, unknown>; places: ReadonlyMap<number, Uint8Array> },
  ): number {
    this.#pass(vtid, name === 'getrandom' ? MS / 8n : this.costOf(vtid));
    if (name === 'getrandom') this.#tick(vtid);
    const answer = (argument: unknown, bytes: Uint8Array): number => {
      places.get((argument as { address: number }).address)?.set(bytes);
      return 0;
    };
    if (name === 'clock_gettime') {
      const clock = this.clocks.get(~((args.clockid as number) >> 3));
      return clock === undefined ? -EINVAL : answer(args.tp, timespec.encode(timeOf(clock)));
    }
    const timer = this.timers[args.timerid as number];
    if (name === 'timer_gettime' && timer) return answer(args.curr_value, this.#left(timer));
    if (name === 'timer_settime' && timer) return this.#set(timer, args.new_value as Uint8Array);
    return 0;
  }

  #pass(vtid: number, ns: bigint): void {
    this.clocks.set(vtid, (this.clocks.get(vtid) ?? 0n) + ns);
  }

  /** Timers that are due run off. */
  #tick(vtid: number): void {
    const now = this.clocks.get(vtid) ?? 0n;
    for (const timer of this.timers) {
      if (timer.owner !== vtid || timer.end === 0n || timer.end > now) continue;
      timer.end = timer.interval ? timer.end + timer.interval : 0n;
    }
  }

  #left({ owner, end, interval = 0n }: Timer): Uint8Array {
    const now = this.clocks.get(owner);
    if (now === undefined || end === 0n) return new Uint8Array(itimerspec.size);
    const it_value = timeOf(end > now ? end - now : 1n);
    return itimerspec.encode({ it_interval: timeOf(interval), it_value });
  }

  #set(timer: Timer, value: Uint8Array): number {
    if (!this.clocks.has(timer.owner)) return -ESRCH;
    timer.end = nanoseconds(itimerspec.decode(value).it_value);
    return 0;
  }
}

function makersIn(kernel: Kernel, changes: Partial<MadeTimer> = {}): MadeTimer['maker'][] {
  const { process } = kernel;
  const base = { signo: 10, value: 0n, notify: SIGEV_SIGNAL, target: 1, clockid: THREAD_CLOCK };
  const timers = kernel.timers.map((_, id) => ({ ...base, id, ...changes }));
  return findMakers(kernel, process, timers).map(({ maker }) => maker);
}

test('timers are of the threads whose clocks go with them', () => {
  const timers: Timer[] = [1, 2, 3, 4].flatMap((owner) => [
    { owner, end: 0n },
    { owner, end: 5000n * MS },
    { owner, end: 5000n * MS, interval: 9n * MS },
  ]);
  const kernel = new Kernel([1, 2, 3, 4], timers);
  const expected = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4];
  assert.deepEqual(makersIn(kernel), expected);
  assert.deepEqual(
    timers.map(({ end }) => end),
    [1, 2, 3, 4].flatMap(() => [0n, 5000n * MS, 5000n * MS]),
  );
  assert.ok(kernel.runs < 10);
});

test('a timer that is due is found by work, and so are those of clocks that go alike', () => {
  const due = [
    { owner: 2, end: 1n },
    { owner: 3, end: 1n, interval: 10n * MS },
  ];
  assert.deepEqual(makersIn(new Kernel([1, 2, 3], due)), [2, 3]);
  const alike = [3, 2].map((owner) => ({ owner, end: 9000n * MS }));
  assert.deepEqual(makersIn(new Kernel([1, 2, 3], alike, () => 300n)), [3, 2]);
});

test('what cannot be known is told', () => {
  const ended = [
    { owner: 0, end: 0n },
    { owner: 0, end: 7n },
  ];
  assert.deepEqual(makersIn(new Kernel([1, 2], ended)), ['ended', 'ended']);
  assert.deepEqual(makersIn(new Kernel([1], ended)), ['ended', 'ended']);
  const leaders = new Kernel([2, 3], [{ owner: 1, end: 5n * MS }]);
  leaders.clocks.set(1, MS);
  const { stat, status } = leaders.process;
  leaders.process.endedLeader = { stat, status };
  assert.deepEqual(makersIn(leaders), ['ended']);
  assert.ok(leaders.runs < 10);
  const fast = [{ owner: 2, end: 5n * MS, interval: 1n }];
  assert.deepEqual(makersIn(new Kernel([1, 2], fast)), ['unknown']);
  const idle = [{ owner: 2, end: 0n }];
  assert.deepEqual(makersIn(new Kernel([1, 2], idle), { clockid: TICK_CLOCK }), ['not exact']);
  const pending = new Kernel([1, 2], idle);
  pending.process.pendingShared.push(
    siginfo_timer.encode({ si_signo: 10, si_code: SI_TIMER, si_tid: 0 }),
  );
  assert.deepEqual(makersIn(pending), ['signal pending']);
  assert.equal(idle[0]?.end, 0n);
});

test('the only thread is asked no more than it must', () => {
  const armed = new Kernel([1], [{ owner: 1, end: 5n * MS }]);
  assert.deepEqual(makersIn(armed), [1]);
  assert.equal(armed.runs, 1);
  const idle = [{ owner: 1, end: 0n }];
  assert.deepEqual(makersIn(new Kernel([1], idle)), [1]);
  assert.deepEqual(makersIn(new Kernel([1], idle), { clockid: TICK_CLOCK }), [1]);
  const others = new Kernel([1, 2], idle);
  assert.deepEqual(makersIn(others, { clockid: 1 }), [undefined]);
  assert.equal(others.runs, 0);
});
