/** Copies of a pipe's queue, in pipes of ours: tee(2) takes nothing from it. */
import { StreamedContent } from '../../images/store.js';
import { fcntl, pipe2, read, SPLICE_F_NONBLOCK, tee } from '../../linux/syscalls/files.js';
import { F_SETPIPE_SZ, O_CLOEXEC, O_NONBLOCK } from '../../linux/uapi/fcntl.js';
import { assert } from '../../support/assert.js';
import { viewOf } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import type { DumpPort } from '../ports.js';

/** The capacity of a new pipe: 16 pages. */
export const DEFAULT_PIPE_BYTES = 65536;
export const CHUNK_BYTES = 65536;

/** A descriptor of ours that can read it, its capacity, and what is in it. */
export interface Queue {
  source: number;
  size: number;
  queued: number;
}

/** Both ends are adopted: the first reads. */
export function makePipe(port: DumpPort): [number, number] {
  using scope = port.scope();
  const pipefd = scope.alloc(8);
  port.call(pipe2, { pipefd, flags: O_CLOEXEC | O_NONBLOCK });
  const view = viewOf(pipefd.bytes);
  const ends: [number, number] = [view.getInt32(0, true), view.getInt32(4, true)];
  port.adopt(ends[0]);
  port.adopt(ends[1]);
  return ends;
}

/** A pipe with room for `size` bytes that holds the whole queue. */
export function copyQueue(
  port: DumpPort,
  { source, size, queued }: Queue,
  roomBytes = size,
): [number, number] {
  const [into, out] = makePipe(port);
  // As many slots as the original has: the queue may lie in them in small pieces. EPERM is told by the count below.
  for (const arg of new Set([size, roomBytes])) {
    if (arg !== DEFAULT_PIPE_BYTES) port.attempt(fcntl, { fd: out, cmd: F_SETPIPE_SZ, arg });
  }
  const flags = SPLICE_F_NONBLOCK;
  const copied = port.call(tee, { fd_in: source, fd_out: out, len: queued, flags });
  if (copied === queued) return [into, out];
  throw refused(
    `it holds ${queued} bytes, of which only ${copied} can be copied: its capacity, ${size} bytes, is above our limit`,
    { remedy: 'run with CAP_SYS_RESOURCE, or raise /proc/sys/fs/pipe-max-size' },
  );
}

/** A pipe of ours that holds the copy: it streams once, into the image. */
export class QueueCopy extends StreamedContent {
  readonly length: number;
  private readonly port: DumpPort;
  private readonly fd: number;
  private consumed = false;

  constructor(port: DumpPort, fd: number, length: number) {
    super();
    this.port = port;
    this.fd = fd;
    this.length = length;
  }

  protected stream(take: (bytes: Uint8Array) => void): void {
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
