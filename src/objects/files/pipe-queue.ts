/**
 * What pipes and FIFOs have in common: a queue of bytes and its capacity, copied out in a dump without taking anything
 * from it (tee(2)), and put in again in a restore; and the question whether the other end is outside the tree.
 */
import type { SetEntry } from '../../images/directory.js';
import type { pipe_data_entry } from '../../images/messages/pipe-data.js';
import type { MessageValue } from '../../images/schema.js';
import type { Content, ImageWriter, StoredContent } from '../../images/store.js';
import { EAGAIN } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import {
  fcntl,
  ioctl,
  openat,
  pipe2,
  poll,
  pread64,
  read,
  SPLICE_F_NONBLOCK,
  tee,
  write,
} from '../../linux/syscalls/files.js';
import {
  F_GETPIPE_SZ,
  F_SETPIPE_SZ,
  O_ACCMODE,
  O_CLOEXEC,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
} from '../../linux/uapi/fcntl.js';
import { FIONREAD, POLLERR, POLLHUP, POLLIN, POLLOUT, pollfd } from '../../linux/uapi/poll.js';
import { assert } from '../../support/assert.js';
import { viewOf } from '../../support/bytes.js';
import { external, imageError, refused, unsupported } from '../../support/errors.js';
import type { DescriptionView } from '../kinds.js';
import type { DumpPort } from '../ports.js';
import type { FileRebuild, ProcessRebuild } from '../rebuild-context.js';
import { externalQueue, offerExternal } from './external.js';

export type PipeDataEntry = MessageValue<typeof pipe_data_entry>;

/** The capacity of a new pipe: 16 pages. */
export const DEFAULT_PIPE_BYTES = 65536;
const CHUNK_BYTES = 65536;

export interface QueueSeen {
  /** Capacity in bytes. */
  size: number;
  /** What is queued; undefined: nothing. */
  content: Content | undefined;
  /** The user says that the rest of it is outside the tree. */
  isExternal?: boolean;
}

const accessOf = ({ fdinfo }: DescriptionView): number => fdinfo.flags & O_ACCMODE;

/** All descriptions that the tree has of one pipe or FIFO. */
export function observeQueue(port: DumpPort, group: readonly DescriptionView[]): QueueSeen {
  if (group.some(({ fdinfo }) => (fdinfo.flags & O_DIRECT) !== 0)) {
    throw unsupported('it is in packet mode (O_DIRECT), which is not saved yet', {
      remedy: 'clear O_DIRECT by fcntl(fd, F_SETFL) before the checkpoint',
    });
  }
  const reading = group.find((each) => accessOf(each) !== O_WRONLY);
  const writing = group.find((each) => accessOf(each) !== O_RDONLY);
  const any = (reading ?? writing) as DescriptionView;
  const fd = port.take(any.process.task, any.fd);
  try {
    const size = port.call(fcntl, { fd, cmd: F_GETPIPE_SZ, arg: 0 });
    const queued = queuedBytes(port, fd);
    const isExternal = isLeftOut(any, port.options.external);
    if (!isExternal && (!writing || !reading)) mustBeAlone(port, { fd, queued, description: any });
    // What waits in a pipe is its reader's.
    const isSaved = queued > 0 && !(isExternal && !reading);
    if (!isSaved) return { size, content: undefined, isExternal };
    const content = copyQueue(port, { fd, size, queued, reading, description: any });
    return { size, content, isExternal };
  } finally {
    port.drop(fd);
  }
}

const isLeftOut = (description: DescriptionView, external: readonly string[]): boolean =>
  description.named?.isExternal ?? external.includes(externalQueue(description));

function queuedBytes(port: DumpPort, fd: number): number {
  using scope = port.scope();
  const argp = scope.alloc(4);
  port.call(ioctl, { fd, request: FIONREAD, argp });
  return viewOf(argp.bytes).getInt32(0, true);
}

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

function makePipe(port: DumpPort): [number, number] {
  using scope = port.scope();
  const pipefd = scope.alloc(8);
  port.call(pipe2, { pipefd, flags: O_CLOEXEC });
  const view = viewOf(pipefd.bytes);
  const ends: [number, number] = [view.getInt32(0, true), view.getInt32(4, true)];
  port.adopt(ends[0]);
  port.adopt(ends[1]);
  return ends;
}

interface Queue {
  fd: number;
  size: number;
  queued: number;
  reading: DescriptionView | undefined;
  description: DescriptionView;
}

function copyQueue(port: DumpPort, queue: Queue): Content {
  const { fd, size, queued, reading, description } = queue;
  const source = reading ? fd : reopenForReading(port, fd, description);
  const [into, out] = makePipe(port);
  // As many slots as the original has: the queue may lie in them in small pieces. EPERM is told by the count below.
  if (size !== DEFAULT_PIPE_BYTES) port.attempt(fcntl, { fd: out, cmd: F_SETPIPE_SZ, arg: size });
  const flags = SPLICE_F_NONBLOCK;
  const copied = port.call(tee, { fd_in: source, fd_out: out, len: queued, flags });
  if (source !== fd) port.drop(source);
  port.drop(out);
  if (copied !== queued) {
    throw refused(
      `it holds ${queued} bytes, of which only ${copied} can be copied: its capacity, ${size} bytes, is above our limit`,
      { remedy: 'run with CAP_SYS_RESOURCE, or raise /proc/sys/fs/pipe-max-size' },
    );
  }
  return new QueueCopy(port, into, queued);
}

/** The queue of a pipe that nobody can read any more, except by opening it once more. */
function reopenForReading(port: DumpPort, fd: number, { link }: DescriptionView): number {
  if (link.kind !== 'pseudo') {
    // Opening it would let through a task that waits in open(2) for a reader.
    throw unsupported('it holds data and has no reader: that is not saved yet', {
      remedy: 'checkpoint while the FIFO is empty or has a reader',
    });
  }
  const pathname = `/proc/self/fd/${fd}`;
  const flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  const source = port.call(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  port.adopt(source);
  return source;
}

/** A pipe of ours that holds the copy: it streams once, into the image. */
class QueueCopy implements Content {
  readonly length: number;
  private readonly port: DumpPort;
  private readonly fd: number;
  private consumed = false;

  constructor(port: DumpPort, fd: number, length: number) {
    this.port = port;
    this.fd = fd;
    this.length = length;
  }

  read(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    this.stream((bytes) => {
      whole.set(bytes, at);
      at += bytes.length;
    });
    return whole;
  }

  writeTo(writer: ImageWriter): void {
    this.stream((bytes) => writer.write(bytes));
  }

  private stream(take: (bytes: Uint8Array) => void): void {
    assert(!this.consumed, 'the copy of a pipe is read twice');
    this.consumed = true;
    const { port, fd } = this;
    using scope = port.scope();
    const buf = scope.alloc(Math.min(this.length, CHUNK_BYTES));
    for (let left = this.length; left > 0; ) {
      const count = port.call(read, { fd, buf, count: Math.min(left, buf.length) });
      assert(count > 0, 'the copy of a pipe is shorter than the pipe');
      take(buf.bytes.subarray(0, count));
      left -= count;
    }
    port.drop(fd);
  }
}

/** The pipe_data_entry of what was seen; undefined for an empty queue of the usual capacity. */
export function queueEntry(
  pipe_id: number,
  { size, content }: QueueSeen,
): { value: PipeDataEntry; payload?: Content } | undefined {
  if (!content && size === DEFAULT_PIPE_BYTES) return undefined;
  const value = { pipe_id, bytes: content?.length ?? 0, size };
  return content ? { value, payload: content } : { value };
}

/** The saved queue of a pipe. */
export function findQueue(
  entries: readonly SetEntry<PipeDataEntry>[],
  pipe_id: number,
): SetEntry<PipeDataEntry> | undefined {
  return entries.find(({ value }) => value.pipe_id === pipe_id);
}

interface Refill {
  process: ProcessRebuild;
  files: FileRebuild;
  /** For errors and --explain: 'pipe 17'. */
  object: string;
  /** A temporary descriptor that can write. */
  fd: number;
}

/**
 * Steps, in the current stage: capacity, then the bytes, copied through memory. (Spliced from the image they would
 * take a slot for each page they touch, one more than there are, and change with the image file.)
 */
export function refillQueue(
  queue: SetEntry<PipeDataEntry> | undefined,
  { process, files, object, fd }: Refill,
): void {
  if (queue === undefined) return;
  const { track } = process;
  const { bytes, size = DEFAULT_PIPE_BYTES } = queue.value;
  if (size !== DEFAULT_PIPE_BYTES) {
    track.call(fcntl, { fd, cmd: F_SETPIPE_SZ, arg: size }, { object, mustEqual: size });
  }
  if (bytes === 0) return;
  const content = queue.payload?.blocks.extra as StoredContent | undefined;
  if (content === undefined || content.length !== bytes) {
    throw imageError(`the ${bytes} bytes of ${object} are not in the image`);
  }
  const image = files.image(process, content.file);
  const buf = track.memory.reserve(Math.min(bytes, CHUNK_BYTES), 16);
  for (let done = 0; done < bytes; done += CHUNK_BYTES) {
    const count = Math.min(CHUNK_BYTES, bytes - done);
    const offset = content.offset + done;
    track.call(pread64, { fd: image, buf, count, offset }, { object, mustEqual: count });
    track.call(write, { fd, buf, count }, { object, mustEqual: count });
  }
}

/** What F_SETFL may set on a pipe that is open for reading or writing already. */
export const settableFlags = (flags: number): number => flags & ~(O_ACCMODE | O_CLOEXEC);
