/**
 * Time namespace: the restored tree's monotonic and boottime clocks go on where the dump stopped them, also on another
 * host or after a reboot. time_namespaces(7); Linux 5.6, kernel/time/namespace.c. Offsets are from the host's clocks,
 * in nested namespaces too. A namespace takes offsets only before its first process is born.
 */
import type { timens_entry } from '../../images/messages/timens.js';
import type { MessageValue } from '../../images/schema.js';
import { ENOENT, errnoName } from '../../linux/errno.js';
import { parseTimensOffsets, type TimensOffsets } from '../../linux/procfs/timens-offsets.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, write } from '../../linux/syscalls/files.js';
import { clockGettime, unshare } from '../../linux/syscalls/tasks.js';
import { O_WRONLY } from '../../linux/uapi/fcntl.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLONE_NEWTIME,
  timespec,
} from '../../linux/uapi/sched.js';
import type { Track } from '../../plan/track.js';
import { utf8 } from '../../support/bytes.js';
import { refused, unsupported } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';

const NSEC_PER_SEC = 1_000_000_000;

export interface Timespec {
  tv_sec: number;
  /** 0 to 999,999,999, also before zero: -0.3 s is -1 s and 700,000,000 ns. */
  tv_nsec: number;
}

export interface Clocks {
  monotonic: Timespec;
  boottime: Timespec;
}

export type TimensEntry = MessageValue<typeof timens_entry>;

const timespecOf = (seconds: number, nanoseconds: number): Timespec => {
  const carry = Math.floor(nanoseconds / NSEC_PER_SEC);
  return { tv_sec: seconds + carry, tv_nsec: nanoseconds - carry * NSEC_PER_SEC };
};

export const addTimes = (a: Timespec, b: Timespec): Timespec =>
  timespecOf(a.tv_sec + b.tv_sec, a.tv_nsec + b.tv_nsec);

export const subtractTimes = (a: Timespec, b: Timespec): Timespec =>
  timespecOf(a.tv_sec - b.tv_sec, a.tv_nsec - b.tv_nsec);

const both = (a: Clocks, b: Clocks, combine: typeof addTimes): Clocks => ({
  monotonic: combine(a.monotonic, b.monotonic),
  boottime: combine(a.boottime, b.boottime),
});

const fromOffsets = ({ monotonic, boottime }: TimensOffsets): Clocks => ({
  monotonic: { tv_sec: monotonic.seconds, tv_nsec: monotonic.nanoseconds },
  boottime: { tv_sec: boottime.seconds, tv_nsec: boottime.nanoseconds },
});

const ZERO: Timespec = { tv_sec: 0, tv_nsec: 0 };

/**
 * The offsets of the namespace a process is in; zero on a kernel without time namespaces. Throws `unsupported` for a
 * process whose children would be in another: the kernel shows only theirs.
 */
function readOffsets(port: KernelPort, pid: number | 'self'): Clocks {
  const text = port.attemptReadText(`/proc/${pid}/timens_offsets`);
  if (text === -ENOENT) return { monotonic: ZERO, boottime: ZERO };
  if (typeof text === 'number') {
    const errno = errnoName(-text);
    throw refused(`reading '/proc/${pid}/timens_offsets': ${errno}`, { errno });
  }
  const own = port.readLink(`/proc/${pid}/ns/time`);
  const ofChildren = port.readLink(`/proc/${pid}/ns/time_for_children`);
  if (own !== ofChildren) {
    throw unsupported('unshare(CLONE_NEWTIME) without a child since is not supported', {
      object: 'time namespace',
      ...(pid === 'self' ? {} : { pid }),
    });
  }
  const offsets = parseTimensOffsets(text);
  // Empty: a zombie, whose clocks nobody reads any more.
  return offsets === undefined ? { monotonic: ZERO, boottime: ZERO } : fromOffsets(offsets);
}

/** A clock as woodfrog itself sees it. */
export function readClock(port: KernelPort, clockid: number): Timespec {
  using scope = port.scope();
  const tp = scope.alloc(timespec.size);
  port.call(clockGettime, { clockid, tp });
  return timespec.decode(tp.bytes);
}

const readOurClocks = (port: KernelPort): Clocks => ({
  monotonic: readClock(port, CLOCK_MONOTONIC),
  boottime: readClock(port, CLOCK_BOOTTIME),
});

/** The host's clocks now, whatever time namespace we are in. */
export function readHostClocks(port: KernelPort): Clocks {
  const ours = readOffsets(port, 'self');
  return both(readOurClocks(port), ours, subtractTimes);
}

/** The clocks now as the process `pid` (ours) sees them: what timens-0.img holds of a frozen tree. */
export function observeClocks(port: KernelPort, pid: number): TimensEntry {
  const theirs = readOffsets(port, pid);
  return both(readHostClocks(port), theirs, addTimes);
}

/** The text for timens_offsets with which clocks that are `now` on the host read as they did when saved. */
export function clockOffsets(saved: Clocks, now: Clocks): string {
  const { monotonic, boottime } = both(saved, now, subtractTimes);
  const line = (clock: string, { tv_sec, tv_nsec }: Timespec): string =>
    `${clock} ${tv_sec} ${tv_nsec}\n`;
  return line('monotonic', monotonic) + line('boottime', boottime);
}

/** Steps by which the children of `track` are in a new time namespace: `offsets` as clockOffsets gives them. */
export function enterTimeNamespace(track: Track, offsets: string): void {
  const object = 'time namespace';
  const data = utf8(offsets);
  track.call(unshare, { flags: CLONE_NEWTIME }, { object });
  const fd = track.call(
    openat,
    { dirfd: AT_FDCWD, pathname: '/proc/self/timens_offsets', flags: O_WRONLY, mode: 0 },
    { object },
  );
  track.call(write, { fd, buf: data, count: data.length }, { object, mustEqual: data.length });
  track.call(close, { fd }, { object });
}
