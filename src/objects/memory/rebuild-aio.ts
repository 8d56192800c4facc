/**
 * Contexts of asynchronous I/O: made by io_setup, moved to where they were, and brought to the place in their ring where
 * they were, which only completed requests do; then the ring gets its content. Pure.
 */
import { ioSetup, ioSubmit } from '../../linux/syscalls/aio.js';
import { mmap, mprotect, mremap } from '../../linux/syscalls/memory.js';
import { aio_ring, IOCB_CMD_PREAD, iocb } from '../../linux/uapi/aio.js';
import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from '../../linux/uapi/mman.js';
import { WordAt } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { setU64, viewOf } from '../../support/bytes.js';
import { imageError, unsupported, within } from '../../support/errors.js';
import { parseCpuList } from '../own-task.js';
import type { KernelPort } from '../ports.js';
import type { ProcessRebuild } from '../rebuild-context.js';
import { isWholeRing, ringLengthFor } from './aio-ring.js';
import {
  addReads,
  type MemoryContext,
  openPageFiles,
  type PageFiles,
  type Piece,
  readPieces,
  splitPiece,
} from './contents.js';
import { addAdvice } from './rebuild-mapping.js';
import { describeMapping, VMA_AREA_AIORING, type Vma } from './vma.js';

export const isAioVma = ({ status }: Vma): boolean => (status & VMA_AREA_AIORING) !== 0;

/** The kernel's own number of the context, first in the ring: a new one. */
const ID_BYTES = 4;

/** `pieces`: the saved pages of all rings. */
export function addAioContexts(
  context: MemoryContext,
  process: ProcessRebuild,
  { vmas, pieces }: { vmas: readonly Vma[]; pieces: readonly Piece[] },
): void {
  if (vmas.length === 0) return;
  const pageFiles = openPageFiles(context, process, pieces);
  for (const vma of vmas) {
    const object = describeMapping(vma, 'AIO context');
    within({ object }, () => {
      const requests = requestsFor(context.port, process, vma);
      const tail = tailOf(context, pieces, vma);
      addContext(process, vma, { requests, object });
      const [fd] = pageFiles.values();
      if (tail > 0) addCompleted(process, vma, { count: tail, fd: defined(fd, ''), object });
      addContent(process, vma, { pieces, pageFiles });
    });
  }
}

function requestsFor(port: KernelPort, { mm }: ProcessRebuild, { start, end }: Vma): number {
  const entry = mm.aios.find(({ id }) => id === start);
  if (entry === undefined) throw imageError('mm.img has no AIO context for it');
  const { nr_req, ring_len } = entry;
  if (ring_len !== end - start) throw imageError(`its ring is ${ring_len} bytes long in mm.img`);
  const processors = parseCpuList(port.readText('/sys/devices/system/cpu/possible')).length;
  const here = ringLengthFor(nr_req, processors);
  if (here === ring_len) return nr_req;
  throw unsupported(`its ring has ${ring_len} bytes, and this host makes one of ${here}`, {
    remedy: 'restore on a host with fewer processors',
  });
}

/** How many events were ever put into the ring, counted round. */
function tailOf({ chain }: MemoryContext, pieces: readonly Piece[], { start, end }: Vma): number {
  const bytes = readPieces(chain, pieces, { start, end: start + aio_ring.size });
  const ring = bytes && aio_ring.decode(bytes);
  if (ring && isWholeRing(ring, end - start)) return ring.tail;
  throw imageError('its saved pages are not a ring');
}

function addContext(
  { track }: ProcessRebuild,
  { start: addr, end }: Vma,
  { requests, object }: { requests: number; object: string },
): void {
  const length = end - addr;
  // io_setup takes any free place: not this one.
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  track.call(
    mmap,
    { addr, length, prot: 0, flags, fd: -1, offset: 0 },
    { object, mustEqual: addr },
  );
  const word = track.memory.reserve(8, 8);
  track.call(ioSetup, { nr_events: requests, ctx_idp: word }, { object });
  const size = { old_size: length, new_size: length };
  track.call(
    mremap,
    {
      ...{ ...size, old_address: new WordAt(word.address), new_address: addr },
      flags: MREMAP_MAYMOVE | MREMAP_FIXED,
    },
    { object, mustEqual: addr },
  );
}

/** Reads nothing from a file, so many times: such a request has completed when io_submit returns. */
function addCompleted(
  { track }: ProcessRebuild,
  { start: ctx_id }: Vma,
  { count, fd, object }: { count: number; fd: number; object: string },
): void {
  const request = iocb.encode({ aio_lio_opcode: IOCB_CMD_PREAD, aio_fildes: fd });
  const address = track.memory.store(request, 8);
  const requests = new Uint8Array(count * 8);
  for (let i = 0; i < count; i++) setU64(viewOf(requests), i * 8, address);
  track.call(ioSubmit, { ctx_id, nr: count, iocbpp: requests }, { object, mustEqual: count });
}

function addContent(
  { track }: ProcessRebuild,
  vma: Vma,
  { pieces, pageFiles }: { pieces: readonly Piece[]; pageFiles: PageFiles },
): void {
  const { start, end, prot } = vma;
  const range = { start: start + ID_BYTES, end };
  addReads(
    track,
    pieces.flatMap((piece) => splitPiece(piece, range).inside ?? []),
    pageFiles,
  );
  addAdvice(track, vma);
  if (prot === (PROT_READ | PROT_WRITE)) return;
  track.call(mprotect, { addr: start, length: end - start, prot });
}
