/**
 * Whose CPU time a timer of CLOCK_THREAD_CPUTIME_ID measures: that of the thread that made it, which the kernel shows
 * nowhere. But what is left of a timer and what its thread's clock shows are one sum, to the nanosecond, and clocks go
 * on only while their threads run, each by a time of its own. A timer that is not armed is so for the length of a tape,
 * for a time that never comes: a tape of ours runs to its end whatever becomes of us.
 */
import type { ProcessView, ThreadView } from '../../checkpoint/views.js';
import { ESRCH } from '../../linux/errno.js';
import { SI_TIMER, siginfo_timer } from '../../linux/signal.js';
import { defined } from '../../support/assert.js';
import type { AskingWithin } from '../kinds.js';
import {
  clockOfThread,
  cpuClock,
  isOfMaker,
  type MadeTimer,
  type Maker,
  notifiesThread,
} from './posix-timers.js';
import { armForNever, disarm, type Look, lookAtClock, lookAtTimer, work } from './timer-looks.js';
import { type Sight, Sums } from './timer-sums.js';

/** The clock of a thread's CPU time, in the bits that clockOfThread keeps. */
const CPU_TIME = -2;

/** The same timers, those that measure their makers with the makers. */
export function findMakers(
  within: AskingWithin,
  process: ProcessView,
  timers: readonly MadeTimer[],
): MadeTimer[] {
  const open = timers.filter(({ clockid }) => isOfMaker(clockid));
  if (open.length === 0) return [...timers];
  const makers = new Search(within, process, open).makers();
  return timers.map((timer) => {
    const maker = makers.get(timer.id);
    return maker === undefined ? timer : { ...timer, maker };
  });
}

/** Two clocks may go on alike for once. */
const ROUNDS_MAX = 4;
/**
 * A timer that is due shows no change before the next tick of the processor's clock has seen it, 1 to 10 ms of work
 * later: so many bytes of random numbers are work enough, or more than that.
 */
const EFFORTS = [2 ** 20, 2 ** 22, 2 ** 24];
/** A timer that is faster is always found at the same place. */
const INTERVAL_MIN_NS = 50n;

const LOOKED = 'the thread has looked';

class Search {
  readonly #within: AskingWithin;
  readonly #process: ProcessView;
  readonly #timers: readonly MadeTimer[];
  readonly #makers = new Map<number, Maker>();
  /** Timers that are not armed. */
  readonly #idle = new Set<number>();
  /** Those that are, without an interval. */
  readonly #once = new Set<number>();

  constructor(within: AskingWithin, process: ProcessView, timers: readonly MadeTimer[]) {
    this.#within = within;
    this.#process = process;
    this.#timers = timers;
  }

  makers(): ReadonlyMap<number, Maker> {
    const { threads, endedLeader } = this.#process;
    if (!this.#isAlone) this.#leaveInexact();
    const [first] = threads;
    if (first) this.#findIdle(first);
    if (first) this.#compareSums(first);
    // Without an interval it runs off once, and must be seen then.
    if (this.#open.some(({ id }) => this.#once.has(id))) this.#watchEach();
    if (first) for (const effort of EFFORTS) this.#compareSums(first, effort);
    this.#watchEach();
    for (const { id } of this.#open) this.#makers.set(id, endedLeader ? 'ended' : 'unknown');
    return this.#makers;
  }

  /** Only a thread that has ended could be another one: of such a timer the kernel says ESRCH, and that it is idle. */
  get #isAlone(): boolean {
    return this.#process.threads.length === 1 && this.#process.endedLeader === undefined;
  }

  get #open(): MadeTimer[] {
    return this.#timers.filter(({ id }) => !this.#makers.has(id));
  }

  /** User time and the time of ticks: nothing that we run moves them surely. */
  #leaveInexact(): void {
    for (const { id, clockid } of this.#timers) {
      if (cpuClock(clockid)?.isExact !== true) this.#makers.set(id, 'not exact');
    }
  }

  /** Of what a signal is pending must not be set: that would take it back. */
  #findIdle(thread: ThreadView): void {
    const timers = this.#open;
    const [found = []] = this.#within.program((tape) => {
      const all = timers.map(({ id }) => lookAtTimer(tape, id));
      return () => all.map((read) => read());
    })([thread]);
    this.#within.refreshPending();
    const sent = timersWithSignals(this.#process);
    timers.forEach(({ id }, i) => {
      const { left, interval } = found[i] as Look;
      if (left === 0n && sent.has(id)) this.#makers.set(id, 'signal pending');
      else if (left === 0n) this.#idle.add(id);
      else if (this.#isAlone) this.#makers.set(id, thread.vtid);
      else if (interval === 0n) this.#once.add(id);
      else if (interval < INTERVAL_MIN_NS) this.#makers.set(id, 'unknown');
    });
  }

  /** All threads but one take some time, and that one looks before and afterwards whose clocks go with the timers. */
  #compareSums(observer: ThreadView, effort?: number): void {
    const { threads, endedLeader } = this.#process;
    const timers = this.#open;
    if (timers.length === 0) return;
    if (effort !== undefined) this.#working(effort)(threads);
    const look = this.#lookingAt(timers);
    const others = threads.filter((thread) => thread !== observer);
    const takeTime = this.#working(0);
    const left = new Map<number, readonly number[]>();
    let [before] = look([observer]);
    this.#noteOwn(timers, before, observer);
    for (let round = 0; round < ROUNDS_MAX && this.#open.length > 0; round++) {
      takeTime(others);
      const [after] = look([observer]);
      this.#noteOwn(timers, after, observer);
      const sums = new Sums(defined(before, LOOKED), defined(after, LOOKED));
      timers.forEach(({ id }, i) => {
        const fit = this.#idle.has(id) ? sums.fitNever(i) : sums.fit(i);
        if (this.#makers.has(id) || fit === undefined) return;
        const still = fit.filter((index) => left.get(id)?.includes(index) ?? true);
        left.set(id, still);
        const [only = -1] = still;
        const maker = still.length === 1 ? threads[only] : undefined;
        if (maker) this.#makers.set(id, maker.vtid);
        else if (still.length === 0 && endedLeader) this.#makers.set(id, 'ended');
      });
      before = after;
    }
  }

  #working(effort: number): (threads: readonly ThreadView[]) => void {
    return this.#within.program((tape) => {
      work(tape, effort);
      return () => undefined;
    });
  }

  #lookingAt(timers: readonly MadeTimer[]): (threads: readonly ThreadView[]) => Sight[] {
    const clocks = this.#process.threads.map(({ vtid }) => clockOfThread(CPU_TIME, vtid));
    return this.#within.program((tape) => {
      const armed = timers.map(({ id }) =>
        this.#idle.has(id) ? armForNever(tape, id) : undefined,
      );
      const before = timers.map(({ id }) => lookAtTimer(tape, id));
      const shown = clocks.map((clock) => lookAtClock(tape, clock));
      const after = timers.map(({ id }) => lookAtTimer(tape, id));
      for (const { id } of timers) if (this.#idle.has(id)) disarm(tape, id);
      return () => ({
        armed: armed.map((read) => read?.()),
        before: before.map((read) => read()),
        clocks: shown.map((read) => read()),
        after: after.map((read) => read()),
      });
    });
  }

  /** Time passes for nobody but the thread that looks. */
  #noteOwn(timers: readonly MadeTimer[], sight: Sight | undefined, own: ThreadView): void {
    const { armed, before, after } = defined(sight, LOOKED);
    timers.forEach(({ id }, i) => {
      if (this.#makers.has(id)) return;
      if (armed[i] === -ESRCH) this.#makers.set(id, 'ended');
      else if (this.#isAlone || before[i]?.left !== after[i]?.left) this.#makers.set(id, own.vtid);
    });
  }

  /** One thread after another works until a tick must have come, and looks whether that has changed anything. */
  #watchEach(): void {
    const order = this.#byTarget();
    for (const effort of EFFORTS) for (const thread of order) this.#watch(thread, effort);
  }

  #watch(thread: ThreadView, effort: number): void {
    const timers = this.#open.filter(({ id }) => !this.#idle.has(id));
    if (timers.length === 0) return;
    const [changed = []] = this.#within.program((tape) => {
      const before = timers.map(({ id }) => lookAtTimer(tape, id));
      work(tape, effort);
      const after = timers.map(({ id }) => lookAtTimer(tape, id));
      return () => timers.map((_, i) => before[i]?.().left !== after[i]?.().left);
    })([thread]);
    timers.forEach(({ id }, i) => {
      if (changed[i]) this.#makers.set(id, thread.vtid);
    });
  }

  /** Threads that timers notify first: most of them are those that the timers measure. */
  #byTarget(): ThreadView[] {
    const { threads } = this.#process;
    const notifying = this.#open.filter(({ notify }) => notifiesThread(notify));
    const targets = new Set(notifying.map(({ target }) => target));
    const isTarget = ({ tid }: ThreadView): boolean => targets.has(tid);
    return [...threads.filter(isTarget), ...threads.filter((thread) => !isTarget(thread))];
  }
}

function timersWithSignals({ pendingShared, threads }: ProcessView): Set<number> {
  const all = [...pendingShared, ...threads.flatMap(({ pending }) => pending)];
  const infos = all.map((info) => siginfo_timer.decode(info));
  return new Set(infos.filter(({ si_code }) => si_code === SI_TIMER).map(({ si_tid }) => si_tid));
}
