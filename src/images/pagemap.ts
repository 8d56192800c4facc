/**
 * Pagemaps: which pages of an address space or shared segment are saved, as runs in address order. They can be long (a
 * run per mapping hole), so they stream, and a run goes between its four numbers and the wire without a message.
 */
import { assert } from '../support/assert.js';
import { PAGE_SIZE } from '../support/brand.js';
import { decode, encode } from './codec.js';
import { frameHeader, type ImageCursor, messageOf, openFrame } from './framing.js';
import type { Image } from './image.js';
import { pagemap_entry, type pagemap_head } from './messages/pagemap.js';
import type { MessageValue } from './schema.js';
import type { ImageReader, ImageWriter } from './store.js';
import { VARINT, WireFault, WireReader, WireWriter } from './wire.js';

/** The pages are those of the parent image directory. */
export const PE_PARENT = 1;
/** The pages may be fetched on demand. */
export const PE_LAZY = 2;
/** The pages are in this checkpoint's page file. */
export const PE_PRESENT = 4;

type PagemapImage = Image<MessageValue<typeof pagemap_head>, 'pagemap', number>;

/** Consecutive pages with one disposition. */
export interface PageRun {
  /** Of the first page: an address, or an offset in a shared segment. */
  readonly vaddr: number;
  readonly pageCount: number;
  /** PE_PARENT, PE_LAZY, PE_PRESENT. */
  readonly flags: number;
}

/** A run of a pagemap being read. */
export interface StoredRun extends PageRun {
  /**
   * Where the content begins in `pages-N.img`, in bytes; undefined when it is not there. With PE_PARENT in `flags` it is
   * in the parent directory, whose pagemap of the same name is in address order, too: read both side by side.
   */
  readonly pagesOffset: number | undefined;
}

export interface Pagemap {
  /** N of the `pages-N.img` that holds the content. */
  readonly pagesId: number;
  /** The runs, in address order; can be gone through once. */
  readonly runs: Generator<StoredRun, void>;
  /** Of the run that came last: where its message begins in the file, in bytes. */
  runOffset(): number;
}

/** Field numbers of pagemap_entry, as tags. */
const TAG = {
  vaddr: 1 * 8 + VARINT,
  compat_nr_pages: 2 * 8 + VARINT,
  in_parent: 3 * 8 + VARINT,
  flags: 4 * 8 + VARINT,
  nr_pages: 5 * 8 + VARINT,
};

/** Begins to read a pagemap: its head is checked at once, each run when it is its turn. */
export function readPagemap(image: PagemapImage, reader: ImageReader, file: string): Pagemap {
  const cursor = openFrame(image as Image, reader, file);
  const head = cursor.framed('the head');
  const offset = cursor.at - head.length;
  const { pages_id } = decode(messageOf(image), head, { file, entry: 0, offset });
  const place = { offset: 0 };
  return { pagesId: pages_id, runs: readRuns(cursor, place), runOffset: () => place.offset };
}

function* readRuns(cursor: ImageCursor, place: { offset: number }): Generator<StoredRun, void> {
  let pagesOffset = 0;
  let end = 0;
  for (let index = 1; cursor.left > 0; index++) {
    const bytes = cursor.framed(`entry ${index}`);
    const run = decodeRun(bytes) ?? decodeSlowly(bytes, cursor, index);
    place.offset = cursor.at - bytes.length;
    checkRun(run, end, { cursor, index, offset: place.offset });
    const { vaddr, pageCount, flags } = run;
    end = vaddr + pageCount * PAGE_SIZE;
    if (flags & PE_PRESENT) {
      yield { vaddr, pageCount, flags, pagesOffset };
      pagesOffset += pageCount * PAGE_SIZE;
    } else {
      yield { vaddr, pageCount, flags, pagesOffset: undefined };
    }
  }
}

/** Undefined when the bytes are not plainly a run: then the codec says why. */
function decodeRun(bytes: Uint8Array): PageRun | undefined {
  const reader = new WireReader(bytes);
  let vaddr: number | undefined;
  let compat: number | undefined;
  let inParent = false;
  let flags: number | undefined;
  let pageCount: number | undefined;
  try {
    while (reader.at < reader.end) {
      const tag = reader.tag();
      if (tag === TAG.vaddr) vaddr = reader.word();
      else if (tag === TAG.compat_nr_pages) compat = reader.uint32();
      else if (tag === TAG.in_parent) inParent = reader.bool();
      else if (tag === TAG.flags) flags = reader.uint32();
      else if (tag === TAG.nr_pages) pageCount = reader.word();
      else reader.skip(tag);
    }
  } catch (error) {
    if (error instanceof WireFault) return undefined;
    throw error;
  }
  if (vaddr === undefined || compat === undefined) return undefined;
  return { vaddr, pageCount: pageCount ?? compat, flags: flagsOf(flags, inParent) };
}

/** Images from before the flags say only whether the pages are the parent's. */
const flagsOf = (flags: number | undefined, inParent: boolean): number =>
  inParent ? (flags ?? 0) | PE_PARENT : (flags ?? PE_PRESENT);

function decodeSlowly(bytes: Uint8Array, cursor: ImageCursor, entry: number): PageRun {
  const offset = cursor.at - bytes.length;
  const value = decode(pagemap_entry, bytes, { file: cursor.file, entry, offset });
  const { vaddr, compat_nr_pages, nr_pages, flags, in_parent } = value;
  return {
    vaddr,
    pageCount: nr_pages ?? compat_nr_pages,
    flags: flagsOf(flags, in_parent ?? false),
  };
}

/** Address space ends at 2^64; nothing is added up that would exceed what a number holds. */
function checkRun(
  run: PageRun,
  end: number,
  { cursor, index, offset }: { cursor: ImageCursor; index: number; offset: number },
): void {
  const { vaddr, pageCount, flags } = run;
  const fault =
    vaddr % PAGE_SIZE !== 0
      ? 'does not begin at a page'
      : pageCount < 1
        ? 'has no pages'
        : pageCount > (2 ** 64 - vaddr) / PAGE_SIZE
          ? 'exceeds the address space'
          : vaddr < end
            ? `begins before 0x${end.toString(16)}, where the one before ends`
            : flags & PE_PARENT && flags & PE_PRESENT
              ? 'is both present and in the parent'
              : undefined;
  if (fault) {
    throw cursor.fail(
      `entry ${index}, byte ${offset}: the run of ${pageCount} pages at 0x${vaddr.toString(16)} ${fault}`,
    );
  }
}

const FLUSH_BYTES = 1 << 15;

/** Writes a pagemap run by run. */
export class PagemapWriter {
  private readonly writer: ImageWriter;
  private readonly wire = new WireWriter();
  private end = 0;

  /** Begins the image, with the N of `pages-N.img`. */
  constructor(image: PagemapImage, writer: ImageWriter, pagesId: number) {
    this.writer = writer;
    this.wire.raw(frameHeader(image as Image));
    const head = encode(messageOf(image), { pages_id: pagesId });
    this.wire.fixed32(head.length);
    this.wire.raw(head);
  }

  /** The next run, in address order. */
  add({ vaddr, pageCount, flags }: PageRun): void {
    assert(
      vaddr % PAGE_SIZE === 0 && vaddr >= this.end && pageCount > 0,
      `A run of ${pageCount} pages at 0x${vaddr.toString(16)} cannot follow 0x${this.end.toString(16)}`,
    );
    this.end = vaddr + pageCount * PAGE_SIZE;
    const { wire } = this;
    // Four tags and the zero of compat_nr_pages are a byte each.
    wire.fixed32(5 + varintLength(vaddr) + varintLength(flags) + varintLength(pageCount));
    wire.varint(TAG.vaddr);
    wire.varint(vaddr);
    wire.varint(TAG.compat_nr_pages);
    wire.varint(0);
    wire.varint(TAG.flags);
    wire.varint(flags);
    wire.varint(TAG.nr_pages);
    wire.varint(pageCount);
    if (wire.length >= FLUSH_BYTES) this.flush();
  }

  private flush(): void {
    this.writer.write(this.wire.finish());
    this.wire.reset();
  }

  /** The image is complete. */
  finish(): void {
    this.flush();
    this.writer.finish();
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let limit = 128; value >= limit && length < 10; limit *= 128) length++;
  return length;
}
