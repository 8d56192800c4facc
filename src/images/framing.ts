/**
 * The frame of an image: magics, then entries as u32 length and message, some with raw payload behind. Reading streams
 * entry by entry and gives payload as references; whatever the bytes are, it fails with an image error or not at all.
 */
import { assert } from '../support/assert.js';
import { concat, viewOf } from '../support/bytes.js';
import { type CheckpointError, imageError } from '../support/errors.js';
import { decode, encode } from './codec.js';
import type { Block, Image, Layout } from './image.js';
import type { Message } from './schema.js';
import type { Content, ImageReader, ImageWriter } from './store.js';

/** No entry is longer: a million mappings make about 60 MB. */
export const ENTRY_BYTES_MAX = 0x4000_0000;

/** A part of an image file, in bytes. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** What follows an entry, by reference. */
export interface Payload<B = Extent> {
  /** By block name: 'extra', or the names the catalogue gives. */
  readonly blocks: Readonly<Record<string, B>>;
  readonly records: readonly PayloadRecord<B>[];
}

export interface PayloadRecord<B = Extent> {
  readonly value: unknown;
  readonly blocks: Readonly<Record<string, B>>;
}

export interface ImageEntry<V> {
  readonly index: number;
  /** Where its message begins, in bytes from the beginning of the file. */
  readonly offset: number;
  readonly value: V;
  /** Absent when entries of this image have none. */
  readonly payload?: Payload;
}

const REMEDY = { remedy: 'the image is damaged or cut off: take it from its source again' };
const broken = (file: string, what: string): CheckpointError =>
  imageError(what, { object: file, ...REMEDY });

const WINDOW_BYTES = 1 << 16;

/** Reads an image front to back in large pieces; every length is checked against what is left. */
export class ImageCursor {
  readonly file: string;
  readonly size: number;
  at = 0;
  private readonly reader: ImageReader;
  private window: Uint8Array = new Uint8Array(0);
  private windowAt = 0;

  constructor(reader: ImageReader, file: string) {
    this.reader = reader;
    this.file = file;
    this.size = reader.size;
  }

  get left(): number {
    return this.size - this.at;
  }

  fail(what: string): CheckpointError {
    return broken(this.file, what);
  }

  /** The next bytes, valid until the next call. */
  take(length: number, what: string): Uint8Array {
    if (length > this.left) {
      throw this.fail(`byte ${this.at}: ${what} needs ${length} bytes, ${this.left} follow`);
    }
    const from = this.at - this.windowAt;
    if (from < 0 || from + length > this.window.length) return this.refill(length);
    this.at += length;
    return this.window.subarray(from, from + length);
  }

  private refill(length: number): Uint8Array {
    this.window = this.reader.read(this.at, Math.min(this.left, Math.max(length, WINDOW_BYTES)));
    this.windowAt = this.at;
    this.at += length;
    return this.window.subarray(0, length);
  }

  u32(what: string): number {
    return viewOf(this.take(4, what)).getUint32(0, true);
  }

  /** Passes over raw bytes, and gives where they are. */
  skip(length: number, what: string): Extent {
    if (length > this.left) {
      throw this.fail(`byte ${this.at}: ${what} needs ${length} bytes, ${this.left} follow`);
    }
    const extent = { offset: this.at, length };
    this.at += length;
    return extent;
  }

  /** A length and as many bytes, valid until the next call. */
  framed(what: string): Uint8Array {
    const start = this.at;
    const length = this.u32(`the length of ${what}`);
    if (length > ENTRY_BYTES_MAX) {
      throw this.fail(`byte ${start}: ${what} of ${length} bytes is longer than any can be`);
    }
    return this.take(length, what);
  }
}

const word = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

function checkMagic(cursor: ImageCursor, expected: number, what: string): void {
  const found = cursor.u32(what);
  if (found !== expected) {
    throw cursor.fail(`byte ${cursor.at - 4}: ${what} is ${word(found)}, not ${word(expected)}`);
  }
}

/** Checks the header and stands at the first entry. */
export function openFrame(image: Image, reader: ImageReader, file: string): ImageCursor {
  const cursor = new ImageCursor(reader, file);
  if (image.magic === 0) return cursor;
  if (image.prefix !== undefined) checkMagic(cursor, image.prefix, 'the common magic');
  checkMagic(cursor, image.magic, `the magic of ${image.key}`);
  return cursor;
}

/** The header of an image; empty for raw ones. */
export function frameHeader(image: Image): Uint8Array {
  const magics = [image.prefix, image.magic].filter((magic) => magic);
  const header = new Uint8Array(4 * magics.length);
  magics.forEach((magic, i) => {
    viewOf(header).setUint32(4 * i, magic ?? 0, true);
  });
  return header;
}

/** The message of an image that has entries. */
export function messageOf<V>(image: Image<V>): Message<V> {
  assert(image.message && image.entries !== 'raw', `${image.key} has no entries`);
  return image.message;
}

/** Every entry of an image, one at a time, so that memory does not grow with the image. */
export function* readEntries<V>(
  image: Image<V>,
  reader: ImageReader,
  file: string,
): Generator<ImageEntry<V>, void> {
  const message = messageOf(image);
  const cursor = openFrame(image, reader, file);
  let index = 0;
  while (cursor.left > 0) {
    if (image.entries === 'one' && index === 1) {
      throw cursor.fail(`byte ${cursor.at}: ${cursor.left} bytes follow the only entry`);
    }
    const bytes = cursor.framed(`entry ${index}`);
    const offset = cursor.at - bytes.length;
    const value = decode(message, bytes, { file, entry: index, offset });
    const layout = image.payload?.(value);
    yield layout
      ? { index, offset, value, payload: readPayload(cursor, layout, index) }
      : { index, offset, value };
    index++;
  }
  if (image.entries === 'one' && index === 0) throw cursor.fail('the image holds no entry');
}

function readPayload(cursor: ImageCursor, layout: Layout, entry: number): Payload {
  const what = `payload of entry ${entry}`;
  const blocks = readBlocks(cursor, layout.blocks, what);
  const records: PayloadRecord[] = [];
  if (layout.records) {
    const { message, count = Number.POSITIVE_INFINITY, blocks: blocksOf } = layout.records;
    const toTheEnd = layout.records.count === undefined;
    while (toTheEnd ? cursor.left > 0 : records.length < count) {
      const bytes = cursor.framed(`record ${records.length} in the ${what}`);
      const offset = cursor.at - bytes.length;
      const value = decode(message, bytes, { file: cursor.file, entry, offset });
      records.push({ value, blocks: readBlocks(cursor, blocksOf(value as never), what) });
    }
  }
  return { blocks, records };
}

function readBlocks(
  cursor: ImageCursor,
  blocks: readonly Block[],
  what: string,
): Record<string, Extent> {
  const extents: Record<string, Extent> = {};
  for (const { name, length = cursor.left, padTo = 1 } of blocks) {
    extents[name] = cursor.skip(length, `the ${what}`);
    cursor.skip(padding(length, padTo), `the padding of the ${what}`);
  }
  return extents;
}

const padding = (length: number, unit: number): number => (unit - (length % unit)) % unit;

/** Writes an image front to back. */
export class FrameWriter<V> {
  readonly writer: ImageWriter;
  private readonly image: Image<V>;

  /** Begins the image: its header is written. */
  constructor(image: Image<V>, writer: ImageWriter) {
    this.image = image;
    this.writer = writer;
    const header = frameHeader(image as Image);
    if (header.length > 0) writer.write(header);
  }

  /** An entry, and its payload when the image has one: what the catalogue says about the value decides. */
  entry(value: V, payload?: Payload<Content>): void {
    this.framed(messageOf(this.image), value);
    const layout = this.image.payload?.(value);
    if (layout === undefined) return;
    this.blocks(layout.blocks, payload?.blocks ?? {});
    if (layout.records === undefined) return;
    const { message, count, blocks } = layout.records;
    const records = payload?.records ?? [];
    assert(
      count === undefined || count === records.length,
      `${this.image.key} announces ${count} records and has ${records.length}`,
    );
    for (const record of records) {
      this.framed(message, record.value);
      this.blocks(blocks(record.value as never), record.blocks);
    }
  }

  /** A length and a message. */
  framed<M>(message: Message<M>, value: M): void {
    const bytes = encode(message, value);
    assert(bytes.length <= ENTRY_BYTES_MAX, `An entry of ${bytes.length} bytes is too long`);
    const length = new Uint8Array(4);
    viewOf(length).setUint32(0, bytes.length, true);
    this.writer.write(concat([length, bytes]));
  }

  private blocks(blocks: readonly Block[], contents: Readonly<Record<string, Content>>): void {
    for (const { name, length, padTo = 1 } of blocks) {
      const content = contents[name];
      const given = content?.length ?? 0;
      assert(
        length === undefined || length === given,
        `${this.image.key} announces ${length} bytes of '${name}' and has ${given}`,
      );
      const before = this.writer.position;
      content?.writeTo(this.writer);
      assert(
        this.writer.position - before === given,
        `${this.image.key}: '${name}' wrote other than the ${given} bytes it announced`,
      );
      this.writer.write(new Uint8Array(padding(given, padTo)));
    }
  }
}
