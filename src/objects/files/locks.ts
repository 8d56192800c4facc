/**
 * File locks in a dump: the 'lock:' lines of fdinfo as entries of filelocks.img. flock(2), OFD locks and leases belong to
 * an open file description, whoever has it; POSIX locks to a descriptor table.
 */
import type { file_lock_entry } from '../../images/messages/file-lock.js';
import type { MessageValue } from '../../images/schema.js';
import { type FileLock, parseLock } from '../../linux/procfs/locks.js';
import { F_RDLCK, F_WRLCK } from '../../linux/uapi/fcntl.js';
import { KCMP_FILE } from '../../linux/uapi/sched.js';
import { type CheckpointError, external, unsupported } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort, FileStat } from '../ports.js';
import { isSameFile } from './named.js';
import { kcmpOrder } from './sharing.js';

export type FileLockEntry = MessageValue<typeof file_lock_entry>;

/** file_lock_entry.flag. */
export const LOCK_FLAGS = { POSIX: 1, FLOCK: 2, OFDLCK: 4, LEASE: 8 } as const;
const LOCK_TYPES: Partial<Record<FileLock['access'], number>> = { READ: F_RDLCK, WRITE: F_WRLCK };

const NAMES: Partial<Record<FileLock['kind'], string>> = {
  FLOCK: 'a file lock (flock(2)',
  POSIX: 'a file lock (POSIX, fcntl F_SETLK,',
  OFDLCK: 'a file lock (OFD, fcntl F_OFD_SETLK,',
  LEASE: 'a lease (fcntl F_SETLEASE,',
};

const nameOf = ({ kind, access }: FileLock): string => `${NAMES[kind] ?? `(${kind}`} ${access})`;

export const parseHeldLocks = (lines: readonly string[]): FileLock[] =>
  lines.map(parseLock).filter(({ blocked }) => !blocked);

/** Throws for a lock that cannot be saved, or not without an option. */
export function lockEntry(
  lock: FileLock,
  { vpid, fd, allowed }: { vpid: number; fd: number; allowed: boolean },
): FileLockEntry {
  const { kind, access, mode, start, end } = lock;
  if (!allowed) {
    throw external(`it holds ${nameOf(lock)}: --file-locks is needed`, {
      remedy: 'have locks saved by --file-locks, or release the lock before the checkpoint',
    });
  }
  const flag = LOCK_FLAGS[kind as keyof typeof LOCK_FLAGS];
  const type = LOCK_TYPES[access];
  if (mode === 'BREAKING') {
    throw unsupported('it has a lease that somebody else is breaking', {
      remedy: 'checkpoint when the lease is given up',
    });
  }
  if (flag === undefined || type === undefined) {
    throw unsupported(`it holds ${nameOf(lock)}, a kind of lock that is not saved`, {
      remedy: 'release the lock before the checkpoint',
    });
  }
  const len = end === undefined ? 0n : BigInt(end) - BigInt(start) + 1n;
  return { flag, type, pid: vpid, fd, start: BigInt(start), len };
}

/** Whether two tables that have the description have this lock in common. */
export const isOfDescription = ({ kind }: FileLock): boolean => kind !== 'POSIX';

export interface LockedDescription {
  view: DescriptionView;
  /** A task that has it at `view.fd`. */
  task: number;
}

/**
 * The first process outside the tree that holds one of these descriptions, for each that is: after a restore the lock
 * would be two. Every open file of every other process is looked at.
 */
export function findOutsiders(
  port: DumpPort,
  locked: readonly LockedDescription[],
  inside: ReadonlySet<number>,
): Map<DescriptionView, CheckpointError> {
  const found = new Map<DescriptionView, CheckpointError>();
  if (locked.length === 0) return found;
  const own = port.own.status.Tgid;
  for (const name of port.readDir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === own || inside.has(pid)) continue;
    const fds = port.attemptReadDir(`/proc/${pid}/fd`);
    // It has ended since.
    if (typeof fds === 'number') continue;
    for (const fd of fds) {
      const stat = port.attemptStat(`/proc/${pid}/fd/${fd}`);
      if (typeof stat === 'number') continue;
      for (const { view } of sharing(port, locked, { stat, pid, fd: Number(fd) })) {
        found.set(view, heldOutside(port, pid));
      }
    }
  }
  return found;
}

const sharing = (
  port: DumpPort,
  locked: readonly LockedDescription[],
  { stat, pid, fd }: { stat: FileStat; pid: number; fd: number },
): LockedDescription[] =>
  locked.filter(
    ({ view, task }) =>
      isSameFile(stat, view.stat) && kcmpOrder(port, KCMP_FILE, [pid, fd], [task, view.fd]) === 0,
  );

function heldOutside(port: DumpPort, pid: number): CheckpointError {
  const comm = port.attemptReadText(`/proc/${pid}/comm`);
  const who = typeof comm === 'string' ? `${pid} (${comm.trim()})` : String(pid);
  return external(`it holds a file lock together with process ${who}, which is outside the tree`, {
    remedy: 'end that process, or checkpoint a tree that it belongs to',
  });
}
