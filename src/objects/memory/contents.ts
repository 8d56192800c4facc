/** Saved pages as records that read them into place: pure. One preadv takes up to 1024 pieces and 16 MiB. */
import { IMAGES } from '../../images/catalogue.js';
import { imageName } from '../../images/image.js';
import { PE_PARENT, readPagemap, type StoredRun } from '../../images/pagemap.js';
import type { ImageStore } from '../../images/store.js';
import { preadv } from '../../linux/syscalls/files.js';
import type { Track } from '../../plan/track.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { setU64, viewOf } from '../../support/bytes.js';
import { imageError, unsupported } from '../../support/errors.js';

/** Consecutive bytes of a page file that belong at an address. */
export interface Piece {
  address: number;
  length: number;
  /** In the page file. */
  offset: number;
}

export interface SavedPages {
  /** 'pages-1.img'. */
  image: string;
  pieces: Piece[];
}

type PagemapKind = typeof IMAGES.PAGEMAP | typeof IMAGES.SHMEM_PAGEMAP;

/** Which pages of a process (by vpid) or of a shared object (by shmid) are saved, in address order. */
export function readSavedPages(store: ImageStore, kind: PagemapKind, id: number): SavedPages {
  const name = imageName(kind, id);
  const reader = store.open(name);
  if (reader === undefined) {
    throw imageError('the image is missing', {
      object: name,
      remedy: 'copy all files of the checkpoint, and name its folder by --images-dir',
    });
  }
  try {
    const { pagesId, runs } = readPagemap(kind, reader, name);
    const image = imageName(IMAGES.PAGES, pagesId);
    const pieces: Piece[] = [];
    for (const run of runs) pieces.push(pieceOf(run, name));
    return { image, pieces };
  } finally {
    reader.close();
  }
}

function pieceOf({ vaddr, pageCount, flags, pagesOffset }: StoredRun, name: string): Piece {
  const where = `pages at 0x${vaddr.toString(16)}`;
  if (flags & PE_PARENT) {
    throw unsupported(`${where} are in a parent image, which is not supported yet`, {
      object: name,
      remedy: 'restore from a checkpoint made without --prev-images-dir',
    });
  }
  if (pagesOffset === undefined) {
    throw unsupported(`${where} are not in this checkpoint (lazy pages are not supported yet)`, {
      object: name,
    });
  }
  return { address: vaddr, length: pageCount * PAGE_SIZE, offset: pagesOffset };
}

/** The parts of a piece inside [start, end) and outside, in order. */
export function splitPiece(
  { address, length, offset }: Piece,
  { start, end }: { start: number; end: number },
): { inside: Piece | undefined; outside: Piece[] } {
  const cut = (from: number, to: number): Piece | undefined =>
    from < to ? { address: from, length: to - from, offset: offset + from - address } : undefined;
  const last = address + length;
  const inside = cut(Math.max(address, start), Math.min(last, end));
  if (inside === undefined) return { inside, outside: [{ address, length, offset }] };
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

/** Adds the records that read pieces, which are in the order of their offsets, from a page file. */
export function addReads(
  track: Track,
  { fd, image, pieces }: { fd: number; image: string; pieces: readonly Piece[] },
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
      batch.push({ address: piece.address + done, length: part, offset });
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
