/** The queue of a pipe or FIFO, put in again: capacity, bytes, and where among them packets begin and end. */
import type { SetEntry } from '../../images/directory.js';
import type { StoredContent } from '../../images/store.js';
import type { Place } from '../../linux/syscall.js';
import { close, fcntl, pipe2, pread64, tee, write } from '../../linux/syscalls/files.js';
import { F_SETFL, F_SETPIPE_SZ, O_DIRECT } from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { imageError } from '../../support/errors.js';
import type { FileRebuild, ProcessRebuild } from '../rebuild-context.js';
import { CHUNK_BYTES, DEFAULT_PIPE_BYTES } from './pipe-copy.js';
import type { PipeDataEntry } from './pipe-queue.js';

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
  let isPacketMode = false;
  for (const { offset: at, length: count, as } of piecesOf(queue.value)) {
    if ((as === 'packet') !== isPacketMode) {
      isPacketMode = !isPacketMode;
      track.call(fcntl, { fd, cmd: F_SETFL, arg: isPacketMode ? O_DIRECT : 0 }, { object });
    }
    const offset = content.offset + at;
    track.call(pread64, { fd: image, buf, count, offset }, { object, mustEqual: count });
    if (as === 'closed page') writeApart(track, { fd, buf, count, object });
    else track.call(write, { fd, buf, count }, { object, mustEqual: count });
  }
  if (isPacketMode) track.call(fcntl, { fd, cmd: F_SETFL, arg: 0 }, { object });
}

interface Piece {
  offset: number;
  length: number;
  /** 'closed page': the kernel must not add to it what is written next. */
  as: 'bytes' | 'packet' | 'closed page';
}

/** The queue as what is to be written at once: packets, and chunks of what stands between them. Throws for packets that cannot be. */
function piecesOf({ bytes, packet_offsets, packet_lengths }: PipeDataEntry): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const addBytes = (end: number): void => {
    while (at < end) {
      const length = Math.min(CHUNK_BYTES, end - at);
      pieces.push({ offset: at, length, as: 'bytes' });
      at += length;
    }
  };
  packet_offsets.forEach((offset, i) => {
    const length = packet_lengths[i] ?? 0;
    // PIPE_BUF: what is longer the kernel splits.
    if (offset < at || length < 1 || length > PAGE_SIZE || offset + length > bytes) {
      throw imageError(`packet ${i} of a pipe, ${length} bytes at ${offset}, cannot be there`);
    }
    const open = (offset - at) % PAGE_SIZE;
    const fits = open > 0 && length < PAGE_SIZE && open + length <= PAGE_SIZE;
    addBytes(fits ? offset - open : offset);
    if (fits) pieces.push({ offset: at, length: open, as: 'closed page' });
    pieces.push({ offset, length, as: 'packet' });
    at = offset + length;
  });
  addBytes(bytes);
  return pieces;
}

/** By way of another pipe: what tee(2) copies is never added to. */
function writeApart(
  track: Track,
  { fd, buf, count, object }: { fd: number; buf: Place; count: number; object: string },
): void {
  track.call(pipe2, { pipefd: track.memory.reserve(8), flags: 0 }, { object });
  const [read, written] = [track.keepFd(0, { object }), track.keepFd(1, { object })];
  track.call(write, { fd: written, buf, count }, { object, mustEqual: count });
  const copy = { fd_in: read, fd_out: fd, len: count, flags: 0 };
  track.call(tee, copy, { object, mustEqual: count });
  for (const end of [read, written]) track.call(close, { fd: end }, { object });
}
