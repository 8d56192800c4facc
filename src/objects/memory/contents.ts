/**
 * Saved pages as records that read them into place, from the checkpoint itself and those it builds on: pure. One preadv
 * takes up to 1024 pieces and 16 MiB.
 */
import { missingImage } from '../../images/directory.js';
import { imageName } from '../../images/image.js';
import {
  type PagemapKind,
  type PagePlace,
  type ParentedStore,
  type ResolvedRun,
  resolvePages,
} from '../../images/parents.js';
import { preadv } from '../../linux/syscalls/files.js';
import type { Track } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { setU64, viewOf } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import type { ProcessRebuild, RestoreContext } from '../rebuild-context.js';

/** For the rebuilding of memory: also the checkpoint and those it builds on. */
export interface MemoryContext extends RestoreContext {
  chain: readonly ParentedStore[];
}

/** Consecutive bytes of a page file that belong at an address. */
export interface Piece extends PagePlace {
  address: number;
  length: number;
}

/**
 * Which pages of a process (by vpid) or of a shared object (by shmid) are saved, in address order. `chain`: the checkpoint
 * and those it builds on.
 */
export function readSavedPages(
  chain: readonly ParentedStore[],
  kind: PagemapKind,
  id: number,
): Piece[] {
  const name = imageName(kind, id);
  const reader = chain[0]?.open(name);
  if (reader === undefined) throw missingImage(name);
  reader.close();
  const pieces: Piece[] = [];
  for (const run of resolvePages(chain, kind, id)) pieces.push(pieceOf(run, name));
  return pieces;
}

function pieceOf({ vaddr, pageCount, place }: ResolvedRun, name: string): Piece {
  if (place === undefined) {
    const where = `pages at 0x${vaddr.toString(16)}`;
    throw unsupported(`${where} are not in this checkpoint (lazy pages are not supported yet)`, {
      object: name,
    });
  }
  return { ...place, address: vaddr, length: pageCount * PAGE_SIZE };
}

/** A page file as seen from the checkpoint's folder: 'parent/pages-1.img' is its parent's. */
const pagesName = ({ level, file }: PagePlace): string => `${'parent/'.repeat(level)}${file}`;

/** Pieces by the page file they are in. Within each they are in address order, and so in that of their offsets. */
export function byImage(pieces: readonly Piece[]): Map<string, Piece[]> {
  const groups = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const name = pagesName(piece);
    const group = groups.get(name);
    if (group) group.push(piece);
    else groups.set(name, [piece]);
  }
  return groups;
}

/** The content of a range, which must be short; undefined where not all of it is saved. */
export function readPieces(
  chain: readonly ParentedStore[],
  pieces: readonly Piece[],
  range: { start: number; end: number },
): Uint8Array | undefined {
  const bytes = new Uint8Array(range.end - range.start);
  let { start } = range;
  for (const piece of pieces) {
    const { inside } = splitPiece(piece, range);
    if (inside === undefined) continue;
    if (inside.address !== start) return undefined;
    bytes.set(readPiece(chain, inside), start - range.start);
    start += inside.length;
  }
  return start === range.end ? bytes : undefined;
}

function readPiece(
  chain: readonly ParentedStore[],
  { level, file, offset, length }: Piece,
): Uint8Array {
  const reader = chain[level]?.open(file);
  if (reader === undefined) throw missingImage(pagesName({ level, file, offset }));
  try {
    return reader.read(offset, length);
  } finally {
    reader.close();
  }
}

/** The parts of a piece inside [start, end) and outside, in order. */
export function splitPiece(
  piece: Piece,
  { start, end }: { start: number; end: number },
): { inside: Piece | undefined; outside: Piece[] } {
  const { address, length, offset } = piece;
  const cut = (from: number, to: number): Piece | undefined =>
    from < to
      ? { ...piece, address: from, length: to - from, offset: offset + from - address }
      : undefined;
  const last = address + length;
  const inside = cut(Math.max(address, start), Math.min(last, end));
  if (inside === undefined) return { inside, outside: [piece] };
  const outside = [cut(address, Math.min(start, last)), cut(Math.max(end, address), last)];
  return { inside, outside: outside.filter((piece) => piece !== undefined) };
}

const HUGE_PAGE = 2 * 1024 * 1024;

/** Whole blocks of the size and alignment of a huge page, and the rest. */
export function splitHuge(pieces: readonly Piece[]): { whole: Piece[]; rest: Piece[] } {
  const whole: Piece[] = [];
  const rest: Piece[] = [];
  for (const piece of pieces) {
    const start = Math.ceil(piece.address / HUGE_PAGE) * HUGE_PAGE;
    const end = Math.floor((piece.address + piece.length) / HUGE_PAGE) * HUGE_PAGE;
    const { inside, outside } = splitPiece(piece, { start, end });
    if (inside) whole.push(inside);
    rest.push(...outside);
  }
  return { whole, rest };
}

const PIECES_AT_ONCE = 1024;
const BYTES_AT_ONCE = 16 * 1024 * 1024;
const IOVEC_SIZE = 16;

/** The descriptor of each page file, by its name. */
export type PageFiles = ReadonlyMap<string, number>;

/** On the process's track, every page file that it reads from. */
export function openPageFiles(
  { files }: RestoreContext,
  process: ProcessRebuild,
  pieces: readonly Piece[],
): PageFiles {
  const names = [...byImage(pieces).keys()];
  return new Map(names.map((name) => [name, files.image(process, name)]));
}

/** Adds the records that read pieces, which are in address order, from their page files. */
export function addReads(track: Track, pieces: readonly Piece[], fds: PageFiles): void {
  for (const [image, group] of byImage(pieces)) {
    addReadsFrom(track, group, { fd: defined(fds.get(image), `${image} is not open`), image });
  }
}

function addReadsFrom(
  track: Track,
  pieces: readonly Piece[],
  { fd, image }: { fd: number; image: string },
): void {
  let batch: Piece[] = [];
  let length = 0;
  const flush = (): void => {
    const [first] = batch;
    if (first === undefined) return;
    const iov = track.memory.store(encodeIovecs(batch), 8);
    track.call(
      preadv,
      { fd, iov, iovcnt: batch.length, pos_l: first.offset, pos_h: 0 },
      { mustEqual: length, object: image },
    );
    batch = [];
    length = 0;
  };
  for (const piece of pieces) {
    for (let done = 0; done < piece.length; ) {
      const offset = piece.offset + done;
      const last = batch.at(-1);
      const isNext = last === undefined || last.offset + last.length === offset;
      if (!isNext || batch.length === PIECES_AT_ONCE || length === BYTES_AT_ONCE) flush();
      const part = Math.min(piece.length - done, BYTES_AT_ONCE - length);
      batch.push({ ...piece, address: piece.address + done, length: part, offset });
      length += part;
      done += part;
    }
  }
  flush();
}

function encodeIovecs(pieces: readonly Piece[]): Uint8Array {
  const bytes = new Uint8Array(pieces.length * IOVEC_SIZE);
  const view = viewOf(bytes);
  pieces.forEach(({ address, length }, i) => {
    setU64(view, i * IOVEC_SIZE, address);
    setU64(view, i * IOVEC_SIZE + 8, length);
  });
  return bytes;
}
