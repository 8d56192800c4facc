/** POSIX timers as image entries: their clocks, whom they notify, what is left of them. timer_create(2). */
import type { ProcessView } from '../../checkpoint/views.js';
import type { posix_timer_entry } from '../../images/messages/timer.js';
import type { MessageValue } from '../../images/schema.js';
import { firstBetween, type PosixExpiries } from '../../linux/procfs/timer-list.js';
import type { PosixTimer } from '../../linux/procfs/timers.js';
import { SI_TIMER, SIGEV_THREAD_ID, siginfo_timer } from '../../linux/signal.js';
import { toNumber } from '../../support/bytes.js';
import { type CheckpointError, unsupported } from '../../support/errors.js';

export type PosixTimerEntry = MessageValue<typeof posix_timer_entry>;

interface Time {
  tv_sec: number;
  tv_nsec: number;
}

export interface PosixTimerSetting {
  timer: MadeTimer;
  it_interval: Time;
  /** What is left; zero when it is not armed. */
  it_value: Time;
  /** As of the last signal that was delivered. */
  overrun: number;
  /** Of CLOCK_REALTIME: when it runs off by that clock, in nanoseconds, between these two. */
  due?: readonly [from: bigint, to: bigint];
}

export const notifiesThread = (notify: number): boolean => (notify & SIGEV_THREAD_ID) !== 0;

/**
 * A clock of CPU time: linux/posix-timers.h. Bits 0 and 1 say which time, bit 2 that it is a thread's, the others,
 * inverted, whose: 0 is that of the maker of the timer.
 */
export interface CpuClock {
  id: number;
  perThread: boolean;
  /** CPUCLOCK_SCHED: the time of all that it runs, to the nanosecond; the others go by ticks. */
  isExact: boolean;
}

/** undefined for clocks that everybody has. Throws `unsupported` for clock devices. */
export function cpuClock(clockid: number): CpuClock | undefined {
  if (clockid >= 0) return undefined;
  const CLOCK_DEVICE = 3;
  if ((clockid & 3) === CLOCK_DEVICE) {
    throw unsupported(`its clock ${clockid} is a device, which cannot be saved yet`, {
      remedy: 'delete the timer for the time of the checkpoint',
    });
  }
  const CPUCLOCK_SCHED = 2;
  return {
    id: ~(clockid >> 3),
    perThread: (clockid & 4) !== 0,
    isExact: (clockid & 3) === CPUCLOCK_SCHED,
  };
}

/** Whether it measures the CPU time of the thread that made it, whichever that was. */
export function isOfMaker(clockid: number): boolean {
  const CLOCK_DEVICE = 3;
  if (clockid >= 0 || (clockid & 3) === CLOCK_DEVICE) return false;
  const clock = cpuClock(clockid);
  return clock?.id === 0 && clock.perThread;
}

/** The same time of this thread, whoever makes a timer of it. */
export const clockOfThread = (clockid: number, vtid: number): number =>
  (~vtid << 3) | (clockid & 7);

/** Of a timer that measures the CPU time of its maker: that thread's vtid, or why it is not known. */
export type Maker = number | 'ended' | 'signal pending' | 'not exact' | 'unknown';

export type MadeTimer = PosixTimer & { maker?: Maker };

export function inspectPosixTimer(
  setting: PosixTimerSetting,
  process: ProcessView,
  queued?: PosixExpiries,
): PosixTimerEntry {
  const { timer, it_interval, overrun } = setting;
  const it_value = settled(setting, process);
  const { id, clockid, signo, notify, value, target } = timer;
  const { vpid, threads } = process;
  verifyClock(id, clockid, { vpid, vtids: threads.map(({ vtid }) => vtid) });
  const maker = knownMaker(timer);
  const expires = ranOff(timer.id, process) ? undefined : absoluteExpiry(setting, queued);
  const entry: PosixTimerEntry = {
    it_id: id,
    clock_id: clockid >>> 0,
    si_signo: signo,
    it_sigev_notify: notify,
    sival_ptr: value,
    overrun,
    isec: it_interval.tv_sec,
    insec: it_interval.tv_nsec,
    vsec: it_value.tv_sec,
    vnsec: it_value.tv_nsec,
    ...(maker !== undefined && maker !== vpid && { cpu_thread_id: maker }),
    ...(expires && { expires_sec: expires.tv_sec, expires_nsec: expires.tv_nsec }),
  };
  if (!notifiesThread(notify)) return entry;
  const thread = threads.find(({ tid }) => tid === target);
  if (thread === undefined) {
    throw refusal(id, `notifies thread ${target}, which has ended`, 'delete the timer');
  }
  return { ...entry, notify_thread_id: thread.vtid };
}

/**
 * What is left at the moment at which the pending signals were read. A timer whose signal came late was asked before
 * or after that: for one without an interval it makes no difference, the others are at the end of a period or at its
 * beginning.
 */
function settled({ timer, it_interval, it_value }: PosixTimerSetting, process: ProcessView): Time {
  if (!ranOff(timer.id, process)) return it_value;
  const left = nanoseconds(it_value);
  const interval = nanoseconds(it_interval);
  if (interval === 0n) return timeOf(0n);
  return left * 2n < interval ? timeOf(left + interval) : it_value;
}

const ranOff = (id: number, { lateSignals }: ProcessView): boolean =>
  lateSignals.some((info) => {
    const { si_code, si_tid } = siginfo_timer.decode(info);
    return si_code === SI_TIMER && si_tid === id;
  });

/**
 * When a timer runs off that was set to an absolute time: the kernel has a POSIX timer queued at CLOCK_REALTIME for the
 * moment at which this one is due, and none at CLOCK_MONOTONIC, where relative ones are.
 */
function absoluteExpiry(
  { due, it_value }: PosixTimerSetting,
  queued: PosixExpiries | undefined,
): Time | undefined {
  if (due === undefined || queued === undefined || nanoseconds(it_value) === 0n) return undefined;
  const [from, to] = due;
  const found = firstBetween(queued.realtime, from, to);
  const relative = firstBetween(queued.monotonic, from - queued.offset, to - queued.offset);
  return found === undefined || relative !== undefined ? undefined : timeOf(found);
}

/** Throws for a CPU clock that cannot be had again. Images hold it, too: so both ways ask. */
export function verifyClock(
  timerId: number,
  clockid: number,
  { vpid, vtids }: { vpid: number; vtids: readonly number[] },
): void {
  const clock = cpuClock(clockid);
  if (clock === undefined) return;
  const { id, perThread } = clock;
  if (id === 0 || (perThread ? vtids.includes(id) : id === vpid)) return;
  const whose = perThread ? `thread ${id}` : `process ${id}`;
  throw refusal(
    timerId,
    `measures the CPU time of ${whose}, which is not of this process`,
    'delete the timer for the time of the checkpoint',
  );
}

const NO_MAKER: Record<Exclude<Maker, number>, readonly [what: string, remedy: string]> = {
  ended: ['measures the CPU time of a thread that has ended', 'delete the timer'],
  'signal pending': [
    'measures the CPU time of a thread, and of which cannot be found while its signal is pending',
    'try again when the program has taken the signal',
  ],
  'not exact': [
    'measures the CPU time of the thread that made it by ticks, and the kernel does not show which',
    'make it with CLOCK_THREAD_CPUTIME_ID',
  ],
  unknown: [
    'measures the CPU time of one of the threads, and which of them could not be found',
    'try again, or make it with the clock of pthread_getcpuclockid(3)',
  ],
};

function knownMaker({ id, maker }: MadeTimer): number | undefined {
  if (typeof maker !== 'string') return maker;
  const [what, remedy] = NO_MAKER[maker];
  throw refusal(id, what, remedy);
}

const refusal = (id: number, what: string, remedy: string): CheckpointError =>
  unsupported(`POSIX timer ${id} ${what}`, { remedy });

const NSEC_PER_SEC = 1_000_000_000n;

/** Nanoseconds, exactly. */
export const nanoseconds = ({ tv_sec, tv_nsec }: Time): bigint =>
  BigInt(tv_sec) * NSEC_PER_SEC + BigInt(tv_nsec);

export const timeOf = (ns: bigint): Time => ({
  tv_sec: toNumber(ns / NSEC_PER_SEC),
  tv_nsec: toNumber(ns % NSEC_PER_SEC),
});
