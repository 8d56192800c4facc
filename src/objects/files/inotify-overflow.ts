/**
 * Events of inotify that nobody has read cannot be given again: only what happens to the files makes them. A restored
 * instance tells instead that it has lost events, as the kernel does when its queue is full (IN_Q_OVERFLOW): the queue is
 * filled with events of a file of ours, and read down to the one that the kernel put last.
 */
import { AT_FDCWD } from '../../linux/syscall.js';
import { inotifyAddWatch, inotifyRmWatch } from '../../linux/syscalls/events.js';
import { close, memfdCreate, openat, read, sendfile, write } from '../../linux/syscalls/files.js';
import { IN_ACCESS, IN_MODIFY, INOTIFY_EVENT_BYTES } from '../../linux/uapi/events.js';
import { O_CLOEXEC, O_RDWR } from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import { u64Bytes } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import { cString } from '../../support/text.js';
import type { KernelPort } from '../ports.js';

/** Two events take a record of 64 bytes in the plan. */
const MOST_EVENTS = 2 ** 20;
const READ_AT_ONCE = 1000;

/** The length of a queue, as it is for instances that are made now. */
export function queueLength(port: KernelPort): number {
  const name = 'fs.inotify.max_queued_events';
  const events = Number(port.readText('/proc/sys/fs/inotify/max_queued_events').trim());
  if (events <= MOST_EVENTS) return events;
  throw unsupported(`${name} is ${events}: to fill such a queue takes too long`, {
    remedy: `sysctl ${name}=16384, restore, and set it back`,
  });
}

/** A file to make events with; closed with all temporary descriptors. In the stage 'make'. */
export function makeEventFile(track: Track, object: string): number {
  const made = track.newFd(memfdCreate, { name: 'events', flags: 0 }, { object });
  // The kernel tells nothing of what is done by the descriptor that memfd_create gives (Linux 6.14).
  const pathname = `/proc/self/fd/${made}`;
  const flags = O_RDWR | O_CLOEXEC;
  const fd = track.newFd(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 }, { object });
  track.call(write, { fd, buf: new Uint8Array(1), count: 1 }, { object, mustEqual: 1 });
  track.call(close, { fd: made }, { object });
  return fd;
}

/** Leaves `fd` with one event to read, IN_Q_OVERFLOW. Takes one number of a watch. */
export function overflow(
  track: Track,
  { fd, file, events, object }: { fd: number; file: number; events: number; object: string },
): void {
  const path = cString(`/proc/self/fd/${file}`);
  const pathname = { address: track.memory.store(path, 1), length: path.length };
  const wd = track.call(inotifyAddWatch, { fd, pathname, mask: IN_ACCESS | IN_MODIFY }, { object });
  // Each copies one byte behind the last, which makes two events that differ from the one before.
  const offset = track.memory.store(u64Bytes(0n), 8);
  const copy = { out_fd: file, in_fd: file, offset, count: 1 };
  for (let queued = 0; queued <= events; queued += 2) {
    track.call(sendfile, copy, { object, mustEqual: 1 });
  }
  // Said to nobody: the queue is full.
  track.call(inotifyRmWatch, { fd, wd }, { object });
  const buf = track.memory.reserve(Math.min(events, READ_AT_ONCE) * INOTIFY_EVENT_BYTES);
  for (let left = events; left > 0; left -= READ_AT_ONCE) {
    const count = Math.min(left, READ_AT_ONCE) * INOTIFY_EVENT_BYTES;
    track.call(read, { fd, buf, count }, { object, mustEqual: count });
  }
}
