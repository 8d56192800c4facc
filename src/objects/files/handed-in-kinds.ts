/**
 * Open files that a restore is handed: taken as they are, from woodfrog's own table; but the ends of a pipe are opened
 * anew, so that each has the flags it had, and the caller's own descriptor keeps its.
 */
import { IMAGES } from '../../images/catalogue.js';
import type { SetEntry } from '../../images/directory.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { fcntl, openat } from '../../linux/syscalls/files.js';
import {
  F_GETPIPE_SZ,
  O_ACCMODE,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
} from '../../linux/uapi/fcntl.js';
import { defined } from '../../support/assert.js';
import { toNumber } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import type { FileKind } from '../kinds.js';
import type { KernelPort } from '../ports.js';
import type { FileRebuild, RegFileEntry } from '../rebuild-context.js';
import { bytesWaiting } from './bytes-waiting.js';
import type { HandedIn } from './handed-in.js';
import { toType } from './named.js';
import { DEFAULT_PIPE_BYTES } from './pipe-copy.js';
import { openable, type PipeDataEntry, setFlags } from './pipe-queue.js';
import { findQueue, refillQueue } from './pipe-refill.js';

/** A pipe_entry or fifo_entry. */
interface QueueEntry {
  pipe_id: number;
  flags?: number;
  regf_id?: number;
}

/** How this description comes back when a descriptor stands for it. */
export function handedInKind(kind: FileKind, entry: unknown, handedIn: HandedIn): FileKind {
  if (kind.fdType === fd_types.PIPE || kind.fdType === fd_types.FIFO) {
    return handedInQueue(kind, handedIn);
  }
  const { ext, mode = 0 } = entry as Partial<RegFileEntry>;
  // Opened again by way of the descriptor (FileRebuild.open); what a driver keeps is in the description itself.
  if (ext && (mode & S_IFMT) !== S_IFCHR) return kind;
  return { ...basics(kind), open: ({ process, files }) => files.handedIn(process, handedIn.fd) };
}

type Basics = Pick<FileKind, 'name' | 'fdType' | 'unionField' | 'recognize' | 'inspect'>;
const basics = ({ name, fdType, unionField, recognize, inspect }: FileKind): Basics => ({
  ...{ name, fdType, unionField, recognize, inspect },
});

function handedInQueue(kind: FileKind, handedIn: HandedIn): FileKind {
  const { fd } = handedIn;
  const isQueue = toType(handedIn.stat) === S_IFIFO;
  const of = (entry: unknown, files: FileRebuild) => {
    const { pipe_id, regf_id, flags } = entry as QueueEntry;
    return { pipe_id, flags: flags ?? files.named(regf_id ?? 0).flags };
  };
  return {
    ...basics(kind),
    ...(kind.resourceOf && { resourceOf: kind.resourceOf }),
    make({ entries, process, context, files }) {
      const ends = entries.map((entry) => of(entry, files));
      const { pipe_id } = defined(ends[0], 'a pipe has an end');
      const object = `${kind.name} ${pipe_id}`;
      const image = kind.fdType === fd_types.PIPE ? IMAGES.PIPES_DATA : IMAGES.FIFO_DATA;
      const isRead = ends.some(({ flags }) => (flags & O_ACCMODE) !== O_WRONLY);
      const saved = isRead ? findQueue(context.images.entries(image), pipe_id) : undefined;
      const queue = toRefill(context.port, saved, { handedIn, object });
      if (!isQueue) return;
      const isWritten = ends.some(({ flags }) => (flags & O_ACCMODE) !== O_RDONLY);
      if (!queue && !isWritten) return;
      // Of a FIFO a writing end can only be opened while there is a reader.
      const { track } = process;
      const both = track.newFd(openat, again(files.handedIn(process, fd), O_RDWR), { object });
      refillQueue(queue, { process, files, object, fd: both });
    },
    open({ entry, process, files }) {
      const source = files.handedIn(process, fd);
      if (!isQueue) return source;
      const { flags, pipe_id } = of(entry, files);
      const object = `${kind.name} ${pipe_id}`;
      const { track } = process;
      const args = again(source, openable(flags));
      const end = track.newFd(openat, args, { object });
      if (args.flags !== (flags | O_CLOEXEC)) setFlags(track, end, { flags, object });
      return end;
    },
  };
}

/** Never waits for the other end. */
const again = (fd: number, flags: number) => ({
  dirfd: AT_FDCWD,
  pathname: `/proc/self/fd/${fd}`,
  flags: flags | O_NONBLOCK | O_CLOEXEC,
  mode: 0,
});

type Queue = SetEntry<PipeDataEntry>;

/** What must be put into the pipe: nothing, if it waits there already. */
function toRefill(
  port: KernelPort,
  queue: Queue | undefined,
  { handedIn: { fd, stat }, object }: { handedIn: HandedIn; object: string },
): Queue | undefined {
  const { bytes = 0, size, pipe_id } = queue?.value ?? {};
  if (bytes === 0) return undefined;
  const text = `${bytes} bytes waited in it`;
  if (toType(stat) !== S_IFIFO) {
    throw refused(`${text}, and descriptor ${fd}, which is handed in for it, is no pipe`, {
      ...{ object, remedy: 'hand in an empty pipe' },
    });
  }
  const waiting = bytesWaiting(port, fd);
  // The same pipe, which somebody kept.
  if (waiting > 0 && toNumber(stat.ino) === pipe_id) return undefined;
  if (waiting > 0) {
    throw refused(
      `${text}, and the pipe that is handed in for it, descriptor ${fd}, holds ${waiting} bytes of its own`,
      { object, remedy: 'hand in an empty pipe' },
    );
  }
  const capacity = port.call(fcntl, { fd, cmd: F_GETPIPE_SZ, arg: 0 });
  if (capacity < bytes && (size ?? DEFAULT_PIPE_BYTES) === DEFAULT_PIPE_BYTES) {
    throw refused(
      `${text}, and the pipe that is handed in for it, descriptor ${fd}, holds ${capacity} at most`,
      { object, remedy: `hand in a pipe of ${DEFAULT_PIPE_BYTES} bytes` },
    );
  }
  return queue;
}
