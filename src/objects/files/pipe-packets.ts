/**
 * Where the packets in a pipe begin and end: what was written with O_DIRECT is read packet by packet (pipe(7)), and may
 * stand between bytes that were not. The kernel tells the bounds to readers alone, so copies are read: a read ends with
 * the first packet it meets, and takes the whole of it, however little it asked for.
 */
import { readv, write } from '../../linux/syscalls/files.js';
import { iovec } from '../../linux/uapi/mman.js';
import { assert } from '../../support/assert.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { concat } from '../../support/bytes.js';
import type { DumpPort } from '../ports.js';
import { bytesWaiting } from './bytes-waiting.js';
import { CHUNK_BYTES, copyQueue, type Queue } from './pipe-copy.js';

/** include/uapi/linux/limits.h: UIO_MAXIOV. */
const IOV_MAX = 1024;

export interface Packet {
  /** Of its first byte, among all that are queued. */
  offset: number;
  length: number;
}

/** `isPacketMode`: somebody has it open with O_DIRECT. */
export function findPackets(port: DumpPort, queue: Queue, isPacketMode: boolean): Packet[] {
  const lengths = recordLengths(port, queue, isPacketMode);
  if (lengths.length === 0) return [];
  const packets: Packet[] = [];
  using copy = new ProbedCopy(port, queue);
  let at = 0;
  lengths.forEach((length, i) => {
    const isWhole = copy.take(1) === length;
    if (!isWhole) copy.take(queue.queued);
    const before = isWhole ? 0 : bytesBefore(port, queue, { records: i, length });
    packets.push({ offset: at + before, length: length - before });
    at += length;
  });
  return packets;
}

/** What one read after the other takes, as far as each ends with a packet. */
function recordLengths(port: DumpPort, queue: Queue, isPacketMode: boolean): number[] {
  using copy = new ProbedCopy(port, queue);
  // Behind the last packet, too, something must be left to be read.
  const isMarked = copy.mark();
  const lengths: number[] = [];
  for (let left = queue.queued; left > 0; ) {
    const length = copy.take(left + 1);
    left -= length;
    if (left > 0 || (left === 0 && (isMarked || lengths.length > 0 || isPacketMode))) {
      lengths.push(length);
    }
  }
  return lengths;
}

/** How many bytes of a record stand before its packet: the most that can be read without touching that. */
function bytesBefore(
  port: DumpPort,
  queue: Queue,
  { records, length }: { records: number; length: number },
): number {
  let [untouched, touched] = [1, length];
  while (touched - untouched > 1) {
    const count = Math.floor((untouched + touched) / 2);
    using copy = new ProbedCopy(port, queue);
    for (let i = 0; i < records; i++) copy.take(queue.queued);
    if (copy.take(count) === length) touched = count;
    else untouched = count;
  }
  return touched - 1;
}

class ProbedCopy implements Disposable {
  private readonly port: DumpPort;
  private readonly ends: readonly [number, number];

  constructor(port: DumpPort, queue: Queue) {
    this.port = port;
    // A byte takes a page at the worst: then what is queued may fill them all.
    const hasRoom = queue.queued < queue.size / PAGE_SIZE;
    this.ends = copyQueue(port, queue, hasRoom ? queue.size : 2 * queue.size);
  }

  /** Adds a byte that belongs to no packet; false if there is no room. */
  mark(): boolean {
    return this.port.attempt(write, { fd: this.ends[1], buf: Uint8Array.of(0), count: 1 }) === 1;
  }

  /** Reads at most `count` bytes; how many are gone. */
  take(count: number): number {
    const { port, ends } = this;
    const [fd] = ends;
    using scope = port.scope();
    const sink = scope.alloc(Math.max(CHUNK_BYTES, Math.ceil(count / IOV_MAX)));
    // All into the same place: nobody looks at them.
    const parts: Uint8Array[] = [];
    for (let left = count; left > 0; left -= sink.length) {
      const iov_len = Math.min(left, sink.length);
      parts.push(iovec.encode({ iov_base: sink.address, iov_len }));
    }
    const before = bytesWaiting(this.port, fd);
    const result = port.call(readv, { fd, iov: concat(parts), iovcnt: parts.length });
    assert(result > 0, 'the copy of a pipe is shorter than the pipe');
    return before - bytesWaiting(this.port, fd);
  }

  [Symbol.dispose](): void {
    for (const end of this.ends) this.port.drop(end);
  }
}
