import type { pipe_data_entry } from '../../images/messages/pipe-data.js';
import type { MessageValue } from '../../images/schema.js';
import type { Content } from '../../images/store.js';
import { EAGAIN } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { fcntl, openat, poll, SPLICE_F_NONBLOCK, tee } from '../../linux/syscalls/files.js';
import {
  F_GETPIPE_SZ,
  F_SETFL,
  O_ACCMODE,
  O_CLOEXEC,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
} from '../../linux/uapi/fcntl.js';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, pollfd } from '../../linux/uapi/poll.js';
import type { Track } from '../../plan/track.js';
import { assert } from '../../support/assert.js';
import { external } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { refuseAutofs } from './autofs.js';
import { bytesWaiting } from './bytes-waiting.js';
import { externalQueue, offerExternal } from './external.js';
import { copyQueue, makePipe, QueueCopy } from './pipe-copy.js';
import { findPackets, type Packet } from './pipe-packets.js';

export type PipeDataEntry = MessageValue<typeof pipe_data_entry>;

export interface QueueSeen {
  /** Capacity in bytes. */
  size: number;
  /** What is queued; undefined: nothing. */
  content: Content | undefined;
  packets: readonly Packet[];
  /** The user says that the rest of it is outside the tree. */
  isExternal?: boolean;
}

/** fs/pipe.c. */
const WAITING_IN_OPEN = new Set(['wait_for_partner', 'fifo_open']);

const accessOf = ({ fdinfo }: DescriptionView): number => fdinfo.flags & O_ACCMODE;

/** All descriptions that the tree has of one pipe or FIFO. */
export function observeQueue(port: DumpPort, group: readonly DescriptionView[]): QueueSeen {
  const reading = group.find((each) => accessOf(each) !== O_WRONLY);
  const writing = group.find((each) => accessOf(each) !== O_RDONLY);
  const any = (reading ?? writing) as DescriptionView;
  const fd = port.take(any.process.task, any.fd);
  try {
    const size = port.call(fcntl, { fd, cmd: F_GETPIPE_SZ, arg: 0 });
    const queued = bytesWaiting(port, fd);
    const isExternal = isLeftOut(any, port.options.external);
    if (isExternal) refuseAutofs(port, any);
    if (!isExternal && (!writing || !reading)) mustBeAlone(port, { fd, queued, description: any });
    // What waits in a pipe is its reader's.
    const isSaved = queued > 0 && !(isExternal && !reading);
    if (!isSaved) return { size, content: undefined, packets: [], isExternal };
    const source = reading ? fd : reopenForReading(port, fd, any);
    const isPacketMode = group.some(({ fdinfo }) => (fdinfo.flags & O_DIRECT) !== 0);
    const packets = findPackets(port, { source, size, queued }, isPacketMode);
    const [into, out] = copyQueue(port, { source, size, queued });
    if (source !== fd) port.drop(source);
    port.drop(out);
    return { size, content: new QueueCopy(port, into, queued), packets, isExternal };
  } finally {
    port.drop(fd);
  }
}

const isLeftOut = (description: DescriptionView, external: readonly string[]): boolean =>
  description.named?.isExternal ?? external.includes(externalQueue(description));

/** Only one end is in the tree: then the other must be closed everywhere. */
function mustBeAlone(
  port: DumpPort,
  { fd, queued, description }: { fd: number; queued: number; description: DescriptionView },
): void {
  const writes = accessOf(description) === O_WRONLY;
  const events = pollEvents(port, fd);
  const closed = writes
    ? (events & POLLERR) !== 0
    : (events & POLLHUP) !== 0 || (queued === 0 && readsEndOfFile(port, fd));
  if (closed) return;
  refuseAutofs(port, description);
  const end = writes ? 'reading' : 'writing';
  const error = external(`its ${end} end is outside the tree ('${description.target}')`, {
    remedy: 'checkpoint the processes at both ends',
  });
  throw offerExternal(error, externalQueue(description));
}

function pollEvents(port: DumpPort, fd: number): number {
  using scope = port.scope();
  const fds = scope.alloc(pollfd.size);
  fds.bytes.set(pollfd.encode({ fd, events: POLLIN | POLLOUT }));
  port.call(poll, { fds, nfds: 1, timeout: 0 });
  return pollfd.decode(fds.bytes).revents;
}

/** A FIFO opened before any writer shows no POLLHUP; tee(2) of an empty one tells 0 (no writer) from EAGAIN. */
function readsEndOfFile(port: DumpPort, fd: number): boolean {
  const [into, out] = makePipe(port);
  const count = port.attempt(tee, { fd_in: fd, fd_out: out, len: 1, flags: SPLICE_F_NONBLOCK });
  port.drop(into);
  port.drop(out);
  assert(count === 0 || count === -EAGAIN, `tee of an empty pipe gave ${count}`);
  return count === 0;
}

/** The queue of a pipe that nobody can read any more, except by opening it once more. */
function reopenForReading(port: DumpPort, fd: number, { link }: DescriptionView): number {
  if (link.kind !== 'pseudo') refuseIfAwaited(port);
  const pathname = `/proc/self/fd/${fd}`;
  const flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  const source = port.call(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  port.adopt(source);
  return source;
}

/** A reader, be it for a moment, lets through those who wait in open(2) for one. Tasks of the tree begin anew. */
function refuseIfAwaited(port: DumpPort): void {
  for (const pid of port.readDir('/proc').map(Number).filter(Number.isInteger)) {
    const tids = port.attemptReadDir(`/proc/${pid}/task`);
    for (const tid of typeof tids === 'number' ? [] : tids) {
      if (!WAITING_IN_OPEN.has(String(port.attemptReadText(`/proc/${pid}/task/${tid}/wchan`))))
        continue;
      throw external(`it holds data and has no reader, and process ${pid} opens a FIFO just now`, {
        remedy: 'checkpoint while the FIFO is empty or has a reader',
      });
    }
  }
}

/** The pipe_data_entry of what was seen; undefined if all of it is outside. */
export function queueEntry(
  pipe_id: number,
  { size, content, packets, isExternal }: QueueSeen,
): { value: PipeDataEntry; payload?: Content } | undefined {
  if (!content && isExternal) return undefined;
  const value = {
    ...{ pipe_id, bytes: content?.length ?? 0, size },
    packet_offsets: packets.map(({ offset }) => offset),
    packet_lengths: packets.map(({ length }) => length),
  };
  return content ? { value, payload: content } : { value };
}

/** What F_SETFL may set on a pipe that is open for reading or writing already. */
export const settableFlags = (flags: number): number => flags & ~(O_ACCMODE | O_CLOEXEC);

/** open(2) refuses O_DIRECT for pipes (EINVAL, Linux 6.6), and F_SETFL does not. */
export const openable = (flags: number): number => flags & ~O_DIRECT;

export function setFlags(
  track: Track,
  fd: number,
  { flags, object }: { flags: number; object: string },
): void {
  track.call(fcntl, { fd, cmd: F_SETFL, arg: settableFlags(flags) }, { object });
}
