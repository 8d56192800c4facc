/**
 * timerfd_create(2). fdinfo shows the time left, the interval, the expirations not yet read and the flags of
 * timerfd_settime. A timer that is absolute expires at the same time of its clock again, a relative one when the time
 * that was left has passed. Timers are set in 'task state', when all else that takes time is done.
 */
import { IMAGES } from '../../images/catalogue.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import type { timerfd_entry } from '../../images/messages/timerfd.js';
import type { MessageValue } from '../../images/schema.js';
import { type Fdinfo, parseFdinfo } from '../../linux/procfs/fdinfo.js';
import { timerfdCreate, timerfdGettime, timerfdSettime } from '../../linux/syscalls/events.js';
import { ioctl } from '../../linux/syscalls/files.js';
import {
  TFD_IOC_SET_TICKS,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
} from '../../linux/uapi/events.js';
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  itimerspec,
} from '../../linux/uapi/sched.js';
import { u64Bytes } from '../../support/bytes.js';
import { refused, unsupported } from '../../support/errors.js';
import { type DescriptionView, defineFileKind } from '../kinds.js';
import { addTimes, observeClocks, readClock, type Timespec } from '../namespaces/time.js';
import type { DumpPort } from '../ports.js';
import type { RebuildInputs } from '../rebuild-context.js';
import { commonFields, setFlags } from './anonymous.js';

type TimerfdEntry = MessageValue<typeof timerfd_entry>;

export interface TimerfdSeen {
  /** Read when the expirations of a periodic timer had been counted. */
  fdinfo: Fdinfo;
  /** Of an absolute timer: its clock, right after `fdinfo` was read. */
  now: Timespec | undefined;
}

const isRealtime = (clockid: number): boolean =>
  clockid === CLOCK_REALTIME || clockid === CLOCK_REALTIME_ALARM;
const isZero = ({ tv_sec, tv_nsec }: Timespec): boolean => tv_sec === 0 && tv_nsec === 0;

function timeOf(fdinfo: Fdinfo, name: 'it_value' | 'it_interval'): Timespec {
  const text = fdinfo.text(name);
  const [, seconds, nanoseconds] = /^\((\d+), (\d+)\)$/.exec(text) ?? [];
  if (nanoseconds === undefined) throw refused(`fdinfo has "${name}: ${text}"`);
  return { tv_sec: Number(seconds), tv_nsec: Number(nanoseconds) };
}

/** A timer faster than we look is always found expired. */
const TRIES = 8;
/** So far apart may the time left and the clock be: we may have had to wait for a processor in between. */
const MOMENT_NS = 1_000_000n;

const nanoseconds = ({ tv_sec, tv_nsec }: Timespec): bigint =>
  BigInt(tv_sec) * 1_000_000_000n + BigInt(tv_nsec);

/**
 * A periodic timer that has expired is at rest until somebody asks: fdinfo then shows one expiration and no time left.
 * timerfd_gettime counts those that were due meanwhile and starts it again, as the program's own call or read would.
 */
function observe(port: DumpPort, [description]: readonly DescriptionView[]): TimerfdSeen {
  const { process, fd, fdinfo: shown } = description as DescriptionView;
  const isAbsolute = (shown.oct('settime flags') & TFD_TIMER_ABSTIME) !== 0;
  const clock = () => (isAbsolute ? clockOf(port, process.task, shown.dec('clockid')) : undefined);
  const taken = port.take(process.task, fd);
  using scope = port.scope();
  const curr_value = scope.alloc(itimerspec.size);
  try {
    for (let tries = 1; ; tries++) {
      port.call(timerfdGettime, { fd: taken, curr_value });
      const before = clock();
      const fdinfo = parseFdinfo(port.readText(`/proc/self/fdinfo/${taken}`));
      const resting =
        isZero(timeOf(fdinfo, 'it_value')) &&
        !isZero(timeOf(fdinfo, 'it_interval')) &&
        fdinfo.dec64('ticks') > 0n;
      const now = clock();
      const isLate = before && now && nanoseconds(now) - nanoseconds(before) > MOMENT_NS;
      if ((resting || isLate) && tries < TRIES) continue;
      return { fdinfo, now };
    }
  } finally {
    port.drop(taken);
  }
}

/** The clock as the process sees it. */
function clockOf(port: DumpPort, pid: number, clockid: number): Timespec {
  if (isRealtime(clockid)) return readClock(port, CLOCK_REALTIME);
  const { monotonic, boottime } = observeClocks(port, pid);
  return clockid === CLOCK_MONOTONIC ? monotonic : boottime;
}

/**
 * Whether the clock was set under the timer, and the next read is to say ECANCELED: or so it may be. That counts as an
 * expiration, too; but one without an interval has one at most, and none while it runs, and one with an interval that has
 * had its first is at rest until somebody asks, as `shown` before we did.
 */
function mayBeCancelled(shown: Fdinfo, fdinfo: Fdinfo): boolean {
  const wanted = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  if (!isRealtime(fdinfo.dec('clockid'))) return false;
  if ((fdinfo.oct('settime flags') & wanted) !== wanted) return false;
  const isPeriodic = !isZero(timeOf(fdinfo, 'it_interval'));
  const seen = isPeriodic ? shown : fdinfo;
  const ticks = seen.dec64('ticks');
  return ticks > 1n || (ticks === 1n && !isZero(timeOf(seen, 'it_value')));
}

/** The time left; with `ticks`, an expiration that is counted already is not to come again. */
function timeLeft(fdinfo: Fdinfo, ticks: bigint): Timespec {
  const value = timeOf(fdinfo, 'it_value');
  const isPeriodic = !isZero(timeOf(fdinfo, 'it_interval'));
  if (ticks === 0n) return value;
  if (isPeriodic) return isZero(value) ? { tv_sec: 0, tv_nsec: 1 } : value;
  return { tv_sec: 0, tv_nsec: 0 };
}

function inspect({
  id,
  description,
  seen: { fdinfo, now },
}: {
  id: number;
  description: DescriptionView;
  seen: TimerfdSeen;
}): { entry: TimerfdEntry } {
  if (mayBeCancelled(description.fdinfo, fdinfo)) {
    // Only a clock that is set makes a timer so again, and that is everybody's.
    throw unsupported('its clock was set, and the program has not been told yet (ECANCELED)', {
      remedy: 'try again when the program has read it',
    });
  }
  const ticks = fdinfo.dec64('ticks');
  const left = timeLeft(fdinfo, ticks);
  const interval = timeOf(fdinfo, 'it_interval');
  const expires = now && !isZero(left) ? addTimes(now, left) : undefined;
  const entry: TimerfdEntry = {
    ...commonFields(id, description),
    clockid: fdinfo.dec('clockid'),
    ticks,
    settime_flags: fdinfo.oct('settime flags'),
    vsec: left.tv_sec,
    vnsec: left.tv_nsec,
    isec: interval.tv_sec,
    insec: interval.tv_nsec,
    ...(expires && { expires_sec: expires.tv_sec, expires_nsec: expires.tv_nsec }),
  };
  return { entry };
}

/** What timerfd_settime is to get for it_value: a time that is left, or with TFD_TIMER_ABSTIME one of the clock. */
function expiryOf(entry: TimerfdEntry, context: RebuildInputs): Timespec {
  const left = savedLeft(entry);
  if ((entry.settime_flags & TFD_TIMER_ABSTIME) === 0 || isZero(left)) return left;
  if (entry.expires_sec !== undefined) {
    return { tv_sec: entry.expires_sec, tv_nsec: entry.expires_nsec ?? 0 };
  }
  return addTimes(savedClock(entry.clockid, context), left);
}

/** CRIU saves a periodic timer that is at rest with no time left, which would stop it: when it was due is not known. */
function savedLeft({ ticks, vsec, vnsec, isec, insec }: TimerfdEntry): Timespec {
  const value = { tv_sec: vsec, tv_nsec: vnsec };
  return ticks > 0n && isZero(value) ? { tv_sec: isec, tv_nsec: insec } : value;
}

/** The clock at the dump; that of the day goes on meanwhile, and is nowhere in the images. */
function savedClock(clockid: number, { images, port }: RebuildInputs): Timespec {
  if (isRealtime(clockid)) return readClock(port, CLOCK_REALTIME);
  const [id] = images.ids(IMAGES.TIMENS);
  const saved = id === undefined ? undefined : images.get(IMAGES.TIMENS, id);
  if (!saved) return readClock(port, clockid);
  return clockid === CLOCK_MONOTONIC ? saved.monotonic : saved.boottime;
}

export const timerfd = defineFileKind<TimerfdEntry, TimerfdSeen>({
  name: 'timerfd',
  fdType: fd_types.TIMERFD,
  unionField: 'tfd',
  recognize: [{ anonInode: '[timerfd]' }],
  observe,
  inspect,
  open({ entry: { clockid, flags, id }, process: { track } }) {
    const object = `timerfd ${id}`;
    const fd = track.newFd(timerfdCreate, { clockid, flags: 0 }, { object });
    setFlags(track, fd, flags, object);
    return fd;
  },
  fill({ entry, process: { track }, context }, fd) {
    const { settime_flags: flags, ticks, isec, insec } = entry;
    const object = `timerfd ${entry.id}`;
    const it_value = expiryOf(entry, context);
    const it_interval = { tv_sec: isec, tv_nsec: insec };
    track.at('task state');
    if (flags !== 0 || !isZero(it_value) || !isZero(it_interval)) {
      const new_value = { it_interval, it_value };
      track.call(timerfdSettime, { fd, flags, new_value, old_value: 0 }, { object });
    }
    if (ticks > 0n) {
      track.call(ioctl, { fd, request: TFD_IOC_SET_TICKS, argp: u64Bytes(ticks) }, { object });
    }
  },
});
