/** The arithmetic of rings of asynchronous I/O, as io_setup(2) does it: pure. */
import type { StructValue } from '../../linux/struct.js';
import { AIO_RING_MAGIC, type aio_ring, IO_EVENT_BYTES } from '../../linux/uapi/aio.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { alignUp } from '../../support/bytes.js';

/** The header takes as much as one event. */
const eventsIn = (ringLength: number): number => ringLength / IO_EVENT_BYTES - 1;

/** The most requests that io_setup(2) gives a ring of this length for. */
export const requestsOf = (ringLength: number): number =>
  Math.floor((eventsIn(ringLength) - 2) / 2);

/** How long a ring io_setup(2) makes on a host that can have so many processors. */
export function ringLengthFor(requests: number, processors: number): number {
  const events = Math.max(requests, processors * 4) * 2 + 2;
  return alignUp((events + 1) * IO_EVENT_BYTES, PAGE_SIZE);
}

/** Whether this is the header of a ring of `length` bytes. */
export const isWholeRing = (
  { nr, head, tail, magic }: StructValue<typeof aio_ring>,
  length: number,
): boolean => magic === AIO_RING_MAGIC && nr === eventsIn(length) && head < nr && tail < nr;
