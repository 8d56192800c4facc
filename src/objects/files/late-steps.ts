/**
 * Last, when every task of the tree is there and the temporary descriptors are closed: owners and signals of
 * descriptions, O_ASYNC, and file locks. A POSIX lock goes as soon as its process closes any descriptor of the file.
 */
import { IMAGES } from '../../images/catalogue.js';
import type { fdinfo_entry } from '../../images/messages/fdinfo.js';
import type { MessageValue } from '../../images/schema.js';
import { fcntl, fcntlPtr, flock as flockCall, lseek } from '../../linux/syscalls/files.js';
import { setresuid } from '../../linux/syscalls/tasks.js';
import {
  F_OFD_SETLK,
  F_SETFL,
  F_SETLEASE,
  F_SETLK,
  F_SETOWN_EX,
  F_SETSIG,
  F_WRLCK,
  FASYNC,
  f_owner_ex,
  flock,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  SEEK_SET,
} from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import { imageError } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';
import { owns, type ProcessRebuild, type RebuildInputs } from '../rebuild-context.js';
import { type FileLockEntry, LOCK_FLAGS } from './locks.js';
import type { FownEntry } from './owner.js';

type FdinfoEntry = MessageValue<typeof fdinfo_entry>;
/** After the last temporary descriptor is closed, and the last thread born. */
const STAGE = 'pending signals';

/** What a description has beside what its kind restores. */
export interface Readiness {
  object: string;
  owner: FownEntry | undefined;
  /** O_*, FASYNC among them. */
  flags: number;
  /** A position that is set last. */
  seek?: bigint;
}

/** `tables`: of each process, empty for one that shares another's. */
export function addOwners(
  { processes, port }: RebuildInputs,
  tables: readonly (readonly FdinfoEntry[])[],
  readinessOf: (fileId: number) => Readiness,
): void {
  const done = new Set<number>();
  processes.forEach(({ track }, i) => {
    for (const { id, fd } of tables[i] ?? []) {
      if (done.has(id)) continue;
      done.add(id);
      addOwner(track, { fd, port, ...readinessOf(id) });
    }
  });
}

function addOwner(
  track: Track,
  { fd, port, object, owner, flags, seek = 0n }: Readiness & { fd: number; port: KernelPort },
): void {
  const step = { object: `owner of ${object}`, fd };
  if (seek !== 0n) {
    const args = { fd, offset: seek, whence: SEEK_SET };
    track.at(STAGE).call(lseek, args, { object, fd, mustEqual: seek });
  }
  if (owner && owner.pid !== 0) {
    const { uid, euid, pid_type: type, pid } = owner;
    const [ownUid, ownEuid, suid] = port.own.status.Uid;
    // The kernel notes who sets the owner, and asks later whether that one may send signals to it.
    const isOther = uid !== ownUid || euid !== ownEuid;
    track.at(STAGE);
    if (isOther) track.call(setresuid, { ruid: uid, euid, suid: ownEuid }, step);
    const arg = f_owner_ex.encode({ type, pid });
    track.call(fcntlPtr, { fd, cmd: F_SETOWN_EX, arg }, step);
    if (isOther) track.call(setresuid, { ruid: ownUid, euid: ownEuid, suid }, step);
  }
  if (owner && owner.signum !== 0) {
    track.at(STAGE).call(fcntl, { fd, cmd: F_SETSIG, arg: owner.signum }, step);
  }
  if ((flags & FASYNC) !== 0) track.at(STAGE).call(fcntl, { fd, cmd: F_SETFL, arg: flags }, step);
}

/** filelocks.img. */
export function addLocks({ images, processes }: RebuildInputs): void {
  for (const entry of images.many(IMAGES.FILE_LOCKS)) {
    const process = processes.find(({ vpid }) => vpid === entry.pid);
    if (process === undefined) {
      throw imageError(`pid ${entry.pid} holds a lock and is not in the tree`, {
        object: 'filelocks.img',
      });
    }
    addLock(holder(process).track.at(STAGE), entry);
  }
}

const holder = (process: ProcessRebuild): ProcessRebuild =>
  owns(process, 'files_id') ? process : process.owner.files_id;

function addLock(track: Track, { flag, type, fd, start, len }: FileLockEntry): void {
  const step = { object: 'file lock', fd };
  switch (flag) {
    case LOCK_FLAGS.FLOCK: {
      const operation = (type === F_WRLCK ? LOCK_EX : LOCK_SH) | LOCK_NB;
      track.call(flockCall, { fd, operation }, step);
      return;
    }
    case LOCK_FLAGS.LEASE:
      track.call(fcntl, { fd, cmd: F_SETLEASE, arg: type }, { ...step, object: 'lease' });
      return;
    case LOCK_FLAGS.POSIX:
    case LOCK_FLAGS.OFDLCK: {
      const cmd = flag === LOCK_FLAGS.POSIX ? F_SETLK : F_OFD_SETLK;
      const arg = flock.encode({ l_type: type, l_whence: SEEK_SET, l_start: start, l_len: len });
      track.call(fcntlPtr, { fd, cmd, arg }, step);
      return;
    }
    default:
      throw imageError(`the lock of descriptor ${fd} is of no known kind (${flag})`, {
        object: 'filelocks.img',
      });
  }
}
