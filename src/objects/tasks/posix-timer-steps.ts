/**
 * POSIX timers made again, with their ids, once all threads are there; armed last of all, when all signals are still
 * blocked. PR_TIMER_CREATE_RESTORE_IDS (Linux 6.15) lets the maker choose the id; before, a process counts its
 * timers, so those in between are made and deleted.
 */
import { IMAGES } from '../../images/catalogue.js';
import { SIGEV_NONE, sigevent, siginfo, sigmask } from '../../linux/signal.js';
import {
  clockGettime,
  prctl,
  rtSigtimedwait,
  timerCreate,
  timerDelete,
  timerSettime,
} from '../../linux/syscalls/tasks.js';
import {
  PR_TIMER_CREATE_RESTORE_IDS,
  PR_TIMER_CREATE_RESTORE_IDS_GET,
} from '../../linux/uapi/prctl.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  itimerspec,
  TIMER_ABSTIME,
  timespec,
} from '../../linux/uapi/sched.js';
import type { Track, Value } from '../../plan/track.js';
import { u32Bytes, u64Bytes } from '../../support/bytes.js';
import { imageError, unsupported, within } from '../../support/errors.js';
import type { ProcessRebuild, RestoreContext } from '../rebuild-context.js';
import {
  clockOfThread,
  isOfMaker,
  nanoseconds,
  notifiesThread,
  type PosixTimerEntry,
  timeOf,
  verifyClock,
} from './posix-timers.js';

const ID_SIZE = 4;
/** include/uapi/linux/prctl.h. */
const PR_TIMER_CREATE_RESTORE_IDS_OFF = 0;
const PR_TIMER_CREATE_RESTORE_IDS_ON = 1;
/** Without a choice of ids: so many timers are made at most, the deleted ones counted. */
const COUNTED_IDS_MAX = 50_000;

export function rebuildPosixTimers(
  saved: readonly PosixTimerEntry[],
  process: ProcessRebuild,
  context: RestoreContext,
): void {
  if (saved.length === 0) return;
  const timers = [...saved].sort((a, b) => a.it_id - b.it_id);
  for (const timer of timers) verifyEntry(timer, timers, process);
  if (choosesIds(context)) createWithIds(process, timers);
  else createCounted(process.track, timers);
  for (const timer of timers) arm(timer, { timers, process, context });
}

function verifyEntry(
  timer: PosixTimerEntry,
  all: readonly PosixTimerEntry[],
  { vpid, threads }: ProcessRebuild,
): void {
  const { it_id, it_sigev_notify, notify_thread_id, clock_id, cpu_thread_id: maker } = timer;
  const vtids = threads.map(({ vtid }) => vtid);
  if (all.filter((other) => other.it_id === it_id).length > 1) {
    throw imageError(`two POSIX timers have the id ${it_id}`);
  }
  if (notifiesThread(it_sigev_notify) && !vtids.includes(notify_thread_id ?? 0)) {
    throw imageError(`POSIX timer ${it_id} notifies ${notify_thread_id}, no thread of the process`);
  }
  if (maker !== undefined && !(isOfMaker(clock_id | 0) && vtids.includes(maker))) {
    throw imageError(`POSIX timer ${it_id} measures ${maker}, no thread of the process`);
  }
  verifyClock(it_id, clock_id | 0, { vpid, vtids });
}

/** Whether this kernel lets a process choose the ids of its timers: EINVAL says no. */
const choosesIds = ({ port }: RestoreContext): boolean =>
  port.attempt(prctl, { ...RESTORE_IDS, arg2: PR_TIMER_CREATE_RESTORE_IDS_GET }) >= 0;

const RESTORE_IDS = { option: PR_TIMER_CREATE_RESTORE_IDS, arg3: 0, arg4: 0, arg5: 0 };

/** The choice is the whole process's: it begins before any thread makes timers, and ends when all have. */
function createWithIds(
  { track, threads, vpid }: ProcessRebuild,
  timers: readonly PosixTimerEntry[],
): void {
  const object = 'ids of POSIX timers';
  const isOfLeader = ({ cpu_thread_id: maker = vpid }: PosixTimerEntry): boolean => maker === vpid;
  const isOfAll = timers.every(isOfLeader);
  const choose = (arg2: number): Value => track.call(prctl, { ...RESTORE_IDS, arg2 }, { object });
  track.at(isOfAll ? 'pending signals' : 'threads');
  choose(PR_TIMER_CREATE_RESTORE_IDS_ON);
  for (const timer of timers) {
    const maker = threads.find(({ vtid }) => vtid === timer.cpu_thread_id)?.track ?? track;
    maker.at('pending signals');
    create(maker, timer, maker.memory.store(u32Bytes(timer.it_id)));
  }
  track.at(isOfAll ? 'pending signals' : 'credentials');
  choose(PR_TIMER_CREATE_RESTORE_IDS_OFF);
}

/**
 * A new process counts from 0, so one thread makes all: those that measure another are given its clock, which shows in
 * /proc/PID/timers alone.
 */
function createCounted(track: Track, timers: readonly PosixTimerEntry[]): void {
  const last = timers.at(-1)?.it_id ?? 0;
  if (last >= COUNTED_IDS_MAX) {
    throw unsupported(`POSIX timer ${last} has an id too high to be counted up to`, {
      remedy: 'restore on Linux 6.15 or newer, where ids can be chosen',
    });
  }
  const wanted = new Map(timers.map((timer) => [timer.it_id, timer]));
  const timerid = track.memory.reserve(ID_SIZE).address;
  track.at('pending signals');
  const unused = { clock_id: CLOCK_MONOTONIC, si_signo: 0, it_sigev_notify: SIGEV_NONE };
  for (let id = 0; id <= last; id++) {
    const timer = wanted.get(id);
    create(track, withClock(timer ?? { ...unused, it_id: id, sival_ptr: 0n }), timerid);
    if (timer === undefined) track.call(timerDelete, { timerid: id }, objectOf(id));
  }
}

type Notification = Pick<
  PosixTimerEntry,
  | 'it_id'
  | 'clock_id'
  | 'si_signo'
  | 'it_sigev_notify'
  | 'sival_ptr'
  | 'notify_thread_id'
  | 'cpu_thread_id'
>;

/** The clock that pthread_getcpuclockid(3) has for the thread, if it is not that of the maker. */
function withClock(timer: Notification): Notification {
  const { cpu_thread_id: tid, clock_id } = timer;
  return tid === undefined ? timer : { ...timer, clock_id: clockOfThread(clock_id | 0, tid) };
}

function create(track: Track, timer: Notification, timerid: number): void {
  const sevp = sigevent.encode({
    sigev_value: timer.sival_ptr,
    sigev_signo: timer.si_signo,
    sigev_notify: timer.it_sigev_notify,
    _tid: timer.notify_thread_id ?? 0,
  });
  // A negative number is a clock of CPU time.
  const clockid = timer.clock_id | 0;
  track.call(timerCreate, { clockid, sevp, timerid }, objectOf(timer.it_id));
}

const objectOf = (id: number): { object: string } => ({ object: `POSIX timer ${id}` });

interface Arming {
  timers: readonly PosixTimerEntry[];
  process: ProcessRebuild;
  context: RestoreContext;
}

const intervalOf = ({ isec, insec }: PosixTimerEntry): bigint =>
  nanoseconds({ tv_sec: isec, tv_nsec: insec });
const leftOf = ({ vsec, vnsec }: PosixTimerEntry): bigint =>
  nanoseconds({ tv_sec: vsec, tv_nsec: vnsec });

function arm(timer: PosixTimerEntry, arming: Arming): void {
  const interval = intervalOf(timer);
  const left = leftOf(timer);
  if (interval === 0n && left === 0n) return;
  const { track } = arming.process;
  const timerid = timer.it_id;
  const set = (it_value: bigint, flags: number): void => {
    const new_value = itimerspec.encode({
      it_interval: timeOf(interval),
      it_value: timeOf(it_value),
    });
    track.call(timerSettime, { timerid, flags, new_value, old_value: 0 }, objectOf(timerid));
  };
  track.at('commit');
  const { expires_sec, expires_nsec = 0 } = timer;
  if (expires_sec !== undefined && timer.overrun === 0) {
    set(nanoseconds({ tv_sec: expires_sec, tv_nsec: expires_nsec }), TIMER_ABSTIME);
    return;
  }
  const expired = within(objectOf(timerid), () => firstExpiry(timer, arming));
  if (expired === undefined) {
    set(left, 0);
    return;
  }
  set(expired, TIMER_ABSTIME);
  const uthese = u64Bytes(sigmask(timer.si_signo));
  const wait = { uthese, uinfo: 0, uts: { tv_sec: 1, tv_nsec: 0 }, sigsetsize: 8 };
  track.call(rtSigtimedwait, wait, { ...objectOf(timerid), mustEqual: timer.si_signo });
}

/**
 * When the timer must have run off for the first time, so that its overruns are the saved ones when that signal is
 * taken: on the tape, which is the only way to set them. undefined: there are none, or the signal could not be told
 * from others of its number, or the clock did not go so far back.
 */
function firstExpiry(
  timer: PosixTimerEntry,
  { timers, process, context }: Arming,
): bigint | undefined {
  const interval = intervalOf(timer);
  const left = leftOf(timer);
  if (timer.overrun === 0 || interval === 0n || left === 0n) return undefined;
  if (timer.it_sigev_notify === SIGEV_NONE) return undefined;
  if (notifiesThread(timer.it_sigev_notify) && timer.notify_thread_id !== process.vpid) {
    return undefined;
  }
  const sameSignal = timers.filter(({ si_signo }) => si_signo === timer.si_signo);
  if (sameSignal.length > 1 || isPending(process, timer.si_signo)) return undefined;
  const now = savedClock(timer.clock_id | 0, context);
  if (now === undefined) return undefined;
  const first = now + left - BigInt(timer.overrun + 1) * interval;
  return first > 0n ? first : undefined;
}

function isPending({ core }: ProcessRebuild, signal: number): boolean {
  const queues = [core.tc?.signals_s, core.thread_core?.signals_p];
  return queues.some((queue) =>
    queue?.signals.some((entry) => siginfo.decode(entry.siginfo).si_signo === signal),
  );
}

/** What the clock showed at the freeze, as the tree goes on with it; undefined for one of CPU time. */
function savedClock(clockid: number, { images, port }: RestoreContext): bigint | undefined {
  if (clockid < 0) return undefined;
  const saved = images.get(IMAGES.TIMENS, images.ids(IMAGES.TIMENS)[0] ?? 0);
  if (clockid === CLOCK_MONOTONIC) return saved && nanoseconds(saved.monotonic);
  if (clockid === CLOCK_BOOTTIME || clockid === CLOCK_BOOTTIME_ALARM) {
    return saved && nanoseconds(saved.boottime);
  }
  // Real time is the same for all, and goes on meanwhile.
  using scope = port.scope();
  const tp = scope.alloc(timespec.size);
  return port.attempt(clockGettime, { clockid, tp }) < 0
    ? undefined
    : nanoseconds(timespec.decode(tp.bytes));
}
