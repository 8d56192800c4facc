/**
 * Whose CPU time a timer of CLOCK_THREAD_CPUTIME_ID measures: that of the thread that made it, which the kernel shows
 * nowhere. But time passes for a thread only while it runs: of a timer that is asked for twice, by the one thread that
 * may run, less is left at the second time if it is that thread's. One that is not armed is, for the length of a tape,
 * for a time that never comes: a tape of ours runs to its end whatever becomes of us.
 */
import type { ProcessView, ThreadView } from '../../checkpoint/views.js';
import { ESRCH } from '../../linux/errno.js';
import { SI_TIMER, siginfo_timer } from '../../linux/signal.js';
import {
  getpid,
  getrandom,
  gettid,
  timerGettime,
  timerSettime,
} from '../../linux/syscalls/tasks.js';
import { itimerspec, TIMER_ABSTIME } from '../../linux/uapi/sched.js';
import type { AskAlone, ProbeTape } from '../kinds.js';
import {
  cpuClock,
  isOfMaker,
  type MadeTimer,
  type Maker,
  nanoseconds,
  notifiesThread,
} from './posix-timers.js';

/** The same timers, those that measure their makers with the makers. */
export function findMakers(
  ask: AskAlone,
  process: ProcessView,
  timers: readonly MadeTimer[],
): MadeTimer[] {
  const open = timers.filter(({ clockid }) => isOfMaker(clockid));
  if (open.length === 0) return [...timers];
  const makers = new Search(ask, process).makersOf(open);
  return timers.map((timer) => {
    const maker = makers.get(timer.id);
    return maker === undefined ? timer : { ...timer, maker };
  });
}

/**
 * How much a thread works between two looks: so many bytes of random numbers. Any call takes time; but a timer that is
 * due shows no change before the next tick of the processor's clock has seen it, 1 to 10 ms of work later.
 */
const EFFORTS = [0, 2 ** 20, 2 ** 22, 2 ** 24];
const LOOKS = 3;
const CHUNK = 2 ** 16;
/** Faster ones are always found at the same place. */
const INTERVAL_MIN_NS = 50n;

/** 136 years. */
const NEVER = itimerspec.encode({
  it_interval: { tv_sec: 0, tv_nsec: 0 },
  it_value: { tv_sec: 2 ** 32, tv_nsec: 0 },
});
const DISARMED = new Uint8Array(itimerspec.size);

class Search {
  readonly #ask: AskAlone;
  readonly #process: ProcessView;
  readonly #makers = new Map<number, Maker>();
  /** Timers that are not armed. */
  readonly #idle = new Set<number>();

  constructor(ask: AskAlone, process: ProcessView) {
    this.#ask = ask;
    this.#process = process;
  }

  /** Only a thread that has ended could be another one: of such a timer the kernel says ESRCH, and that it is idle. */
  get #isAlone(): boolean {
    return this.#process.threads.length === 1 && this.#process.endedLeader === undefined;
  }

  makersOf(timers: readonly MadeTimer[]): ReadonlyMap<number, Maker> {
    const { threads, endedLeader } = this.#process;
    const isOpen = ({ id }: MadeTimer): boolean => !this.#makers.has(id);
    const order = byTarget(threads, timers);
    const [first] = order;
    if (!this.#isAlone) this.#leaveInexact(timers);
    if (first) this.#look(first, timers.filter(isOpen));
    for (const effort of EFFORTS) {
      for (const thread of order) {
        const open = timers.filter(isOpen);
        if (open.length === 0) return this.#makers;
        this.#examine(thread, open, effort);
      }
    }
    for (const { id } of timers.filter(isOpen)) {
      this.#makers.set(id, endedLeader ? 'ended' : 'unknown');
    }
    return this.#makers;
  }

  /** User time and the time of ticks: nothing that we run moves them surely. */
  #leaveInexact(timers: readonly MadeTimer[]): void {
    for (const { id, clockid } of timers) {
      if (cpuClock(clockid)?.isExact !== true) this.#makers.set(id, 'not exact');
    }
  }

  /** Which are armed. What a signal is pending of must not be set: that would take it back. */
  #look(thread: ThreadView, timers: readonly MadeTimer[]): void {
    const found = this.#ask(thread, (tape) => {
      const all = timers.map(({ id }) => lookAt(tape, id));
      return () => all.map((read) => read());
    });
    const sent = timersWithSignals(this.#process);
    timers.forEach(({ id }, i) => {
      const { left, interval } = found[i] ?? { left: 0n, interval: 0n };
      if (left === 0n && sent.has(id)) this.#makers.set(id, 'signal pending');
      else if (left === 0n) this.#idle.add(id);
      else if (this.#isAlone) this.#makers.set(id, thread.vtid);
      else if (interval > 0n && interval < INTERVAL_MIN_NS) this.#makers.set(id, 'unknown');
    });
  }

  #examine(thread: ThreadView, timers: readonly MadeTimer[], effort: number): void {
    const found = this.#ask(thread, (tape) => {
      const armed = timers.map(({ id }) =>
        this.#idle.has(id) ? set(tape, id, TIMER_ABSTIME, NEVER) : () => 0,
      );
      const looks = Array.from({ length: LOOKS }, (_, i) => {
        if (i > 0) work(tape, effort);
        return timers.map(({ id }) => lookAt(tape, id));
      });
      for (const { id } of timers) if (this.#idle.has(id)) set(tape, id, 0, DISARMED);
      return () =>
        timers.map((_, t) => ({
          armed: armed[t]?.() ?? 0,
          lefts: looks.map((look) => look[t]?.().left ?? 0n),
        }));
    });
    timers.forEach(({ id }, i) => {
      const { armed, lefts } = found[i] ?? { armed: 0, lefts: [] };
      if (armed === -ESRCH) this.#makers.set(id, 'ended');
      else if (this.#isAlone || new Set(lefts).size > 1) this.#makers.set(id, thread.vtid);
    });
  }
}

/** Threads that timers notify first: most of them are those that the timers measure. */
function byTarget(threads: readonly ThreadView[], timers: readonly MadeTimer[]): ThreadView[] {
  const targets = new Set(
    timers.filter(({ notify }) => notifiesThread(notify)).map(({ target }) => target),
  );
  const isTarget = ({ tid }: ThreadView): boolean => targets.has(tid);
  return [...threads.filter(isTarget), ...threads.filter((thread) => !isTarget(thread))];
}

function timersWithSignals({ pendingShared, threads }: ProcessView): Set<number> {
  const all = [...pendingShared, ...threads.flatMap(({ pending }) => pending)];
  const infos = all.map((info) => siginfo_timer.decode(info));
  return new Set(infos.filter(({ si_code }) => si_code === SI_TIMER).map(({ si_tid }) => si_tid));
}

interface Look {
  /** In nanoseconds; 0: not armed. */
  left: bigint;
  interval: bigint;
}

function lookAt(tape: ProbeTape, timerid: number): () => Look {
  const curr_value = tape.reserve(itimerspec.size);
  tape.call(timerGettime, { timerid, curr_value });
  return () => {
    const { it_value, it_interval } = itimerspec.decode(curr_value.read());
    return { left: nanoseconds(it_value), interval: nanoseconds(it_interval) };
  };
}

function set(tape: ProbeTape, timerid: number, flags: number, value: Uint8Array): () => number {
  const done = tape.call(timerSettime, { timerid, flags, new_value: value, old_value: 0 });
  return () => done.result();
}

function work(tape: ProbeTape, bytes: number): void {
  tape.call(getpid, {});
  tape.call(gettid, {});
  if (bytes === 0) return;
  const buf = tape.reserve(CHUNK);
  for (let done = 0; done < bytes; done += CHUNK) {
    tape.call(getrandom, { buf, count: CHUNK, flags: 0 });
  }
}
