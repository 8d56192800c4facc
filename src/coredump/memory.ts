/**
 * A task's memory as segments of a core file. Saved pages carry content; gaps between them are zeros where the memory is
 * anonymous (and become holes), and are left to the debugger where a file is mapped, which it reads from that file.
 */
import type { mm_entry } from '../images/messages/mm.js';
import type { vma_entry } from '../images/messages/vma.js';
import type { PageReader } from '../images/parents.js';
import type { MessageValue } from '../images/schema.js';
import { AREA_VSYSCALL, AREA_VVAR, FILE_PRIVATE, FILE_SHARED } from '../images/vma-status.js';
import type { Segment } from '../linux/elf/core-file.js';
import { PF_R, PF_W, PF_X } from '../linux/elf/headers.js';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../linux/uapi/mman.js';
import { PAGE_SIZE } from '../support/brand.js';
import { imageError } from '../support/errors.js';

export type Vma = MessageValue<typeof vma_entry>;
export type Mm = MessageValue<typeof mm_entry>;

/** Where the pages of a mapping are: `pages` counts from `base`, which stands for the mapping's start. */
export interface MappedPages {
  readonly pages: PageReader;
  readonly base: number;
}

/** A segment, and where its content comes from. */
export interface CoreSegment extends Segment {
  readonly source: MappedPages | undefined;
  /** The segment's first byte, as `source` counts. */
  readonly from: number;
}

/** Zeros that are worth a hole rather than another segment. */
const FILLED_BYTES_MAX = 1 << 20;
const CHUNK_BYTES = 1 << 18;
const ZEROS = new Uint8Array(CHUNK_BYTES);

const isFile = ({ status }: Vma): boolean => (status & (FILE_PRIVATE | FILE_SHARED)) !== 0;

/** All segments, in address order. `pagesOf` says where a mapping's pages are; undefined: nowhere. */
export function coreSegments(
  { vmas }: Mm,
  pagesOf: (vma: Vma) => MappedPages | undefined,
  file: string,
): CoreSegment[] {
  const segments: CoreSegment[] = [];
  let end = 0;
  for (const [index, vma] of vmas.entries()) {
    const isOrdered = vma.start >= end && vma.end > vma.start;
    if (!isOrdered || vma.start % PAGE_SIZE !== 0 || vma.end % PAGE_SIZE !== 0) {
      const range = `0x${vma.start.toString(16)}-0x${vma.end.toString(16)}`;
      throw imageError(`mapping ${index}: ${range} is no range, or out of order`, { object: file });
    }
    end = vma.end;
    if (!(vma.status & AREA_VSYSCALL)) addSegments(segments, vma, pagesOf(vma));
  }
  return segments;
}

function addSegments(segments: CoreSegment[], vma: Vma, source: MappedPages | undefined): void {
  const { prot } = vma;
  const flags =
    (prot & PROT_READ ? PF_R : 0) | (prot & PROT_WRITE ? PF_W : 0) | (prot & PROT_EXEC ? PF_X : 0);
  const base = source?.base ?? 0;
  const add = (start: number, end: number, isSaved: boolean) => {
    if (start >= end) return;
    segments.push({
      vaddr: start,
      memsz: end - start,
      filesz: isSaved ? end - start : 0,
      flags,
      source,
      from: start - vma.start + base,
    });
  };
  const fills = (start: number, end: number) =>
    !isFile(vma) &&
    !(vma.status & AREA_VVAR) &&
    (prot & PROT_READ) !== 0 &&
    end - start <= FILLED_BYTES_MAX;
  // What is known of the range so far: where the segment being made begins, whether it is saved, where it ends.
  let [start, at, isSaved] = [vma.start, vma.start, false];
  for (const run of source ? savedRuns(vma, source) : []) {
    const joins = isSaved || start === at ? run.start === at || fills(at, run.start) : false;
    if (!joins) {
      add(start, at, isSaved);
      add(at, run.start, false);
      start = run.start;
    }
    at = run.end;
    isSaved = true;
  }
  if (at < vma.end && fills(at, vma.end)) {
    at = vma.end;
    isSaved = true;
  }
  add(start, at, isSaved);
  add(at, vma.end, false);
}

/** The saved parts of a mapping, as addresses in it. */
function* savedRuns(
  vma: Vma,
  { pages, base }: MappedPages,
): Generator<{ start: number; end: number }, void> {
  const shift = vma.start - base;
  const end = base + (vma.end - vma.start);
  for (let at = base; at < end; ) {
    const run = pages.runAt(at);
    if (!run || run.vaddr >= end) return;
    const runEnd = Math.min(end, run.vaddr + run.pageCount * PAGE_SIZE);
    if (run.place) yield { start: Math.max(at, run.vaddr) + shift, end: runEnd + shift };
    at = runEnd;
  }
}

/** Where a core file goes. */
export interface CoreOutput {
  write(bytes: Uint8Array): void;
  /** As many zeros, without storing them. */
  skip(length: number): void;
}

/** The content of all segments, piece by piece. */
export function writeSegments(segments: readonly CoreSegment[], output: CoreOutput): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (const { filesz, source, from } of segments) {
    for (let done = 0; done < filesz; done += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, filesz - done);
      const piece = chunk.subarray(0, length);
      source?.pages.readInto(piece, from + done);
      if (!source || Buffer.compare(piece, ZEROS.subarray(0, length)) === 0) output.skip(length);
      else output.write(piece);
    }
  }
}
