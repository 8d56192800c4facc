/** pipe(2): two ends, more descriptions of an end when somebody opened it through /proc/self/fd. */
import { IMAGES } from '../../images/catalogue.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import type { pipe_entry } from '../../images/messages/pipe.js';
import type { MessageValue } from '../../images/schema.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { openat, pipe2 } from '../../linux/syscalls/files.js';
import { O_ACCMODE, O_CLOEXEC, O_RDONLY, O_WRONLY } from '../../linux/uapi/fcntl.js';
import { defineFileKind } from '../kinds.js';
import {
  observeQueue,
  openable,
  type QueueSeen,
  queueEntry,
  setFlags,
  settableFlags,
} from './pipe-queue.js';
import { findQueue, refillQueue } from './pipe-refill.js';
import { noOwner } from './registry.js';

type PipeEntry = MessageValue<typeof pipe_entry>;

/** The two ends, and whether a description has taken each. */
interface MadePipe {
  read: number;
  write: number;
  taken: Set<number>;
}

const objectOf = ({ pipe_id }: PipeEntry): string => `pipe ${pipe_id}`;

export const pipe = defineFileKind<PipeEntry, QueueSeen, MadePipe>({
  name: 'pipe',
  fdType: fd_types.PIPE,
  unionField: 'pipe',
  recognize: [{ pseudo: 'pipe' }],
  groupOf: ({ target }) => target,
  observe: observeQueue,
  inspect({ id, description: { target, link, fdinfo }, seen, ids }) {
    const pipe_id = ids.pipeId(target, link.kind === 'pseudo' ? link.inode : 0n);
    const flags = fdinfo.flags & ~O_CLOEXEC;
    const queue = queueEntry(pipe_id, seen);
    const external = seen.isExternal ? { external: true } : {};
    return {
      entry: { id, pipe_id, flags, fown: noOwner(), ...external },
      resources: queue ? [{ image: IMAGES.PIPES_DATA, key: target, ...queue }] : [],
    };
  },
  resourceOf: ({ pipe_id }) => `pipe ${pipe_id}`,
  make({ entries: [entry], process, context, files }) {
    const { track } = process;
    const first = entry as PipeEntry;
    const object = objectOf(first);
    const pipefd = track.memory.reserve(8);
    track.call(pipe2, { pipefd, flags: 0 }, { object });
    // The lowest free numbers: 0 reads, 1 writes.
    const made = {
      read: track.keepFd(0, { object }),
      write: track.keepFd(1, { object }),
      taken: new Set<number>(),
    };
    const queue = findQueue(context.images.entries(IMAGES.PIPES_DATA), first.pipe_id);
    refillQueue(queue, { process, files, object, fd: made.write });
    return made;
  },
  open({ entry, process: { track }, made }) {
    const { flags } = entry;
    const object = objectOf(entry);
    const access = flags & O_ACCMODE;
    const end = access === O_RDONLY ? made.read : access === O_WRONLY ? made.write : undefined;
    if (end === undefined || made.taken.has(end)) {
      const pathname = `/proc/self/fd/${made.read}`;
      const again = { dirfd: AT_FDCWD, pathname, flags: openable(flags) | O_CLOEXEC, mode: 0 };
      const fd = track.newFd(openat, again, { object });
      if (openable(flags) !== flags) setFlags(track, fd, { flags, object });
      return fd;
    }
    made.taken.add(end);
    if (settableFlags(flags) !== 0) setFlags(track, end, { flags, object });
    return end;
  },
});
