/**
 * Whole images as JSON entries and back, payload included: base64 under `extra`, except where it has a shape of its own
 * (numbers of semaphores, queues of a TCP connection, messages of a queue, chunks of a ghost file). One entry at a time.
 */
import { concat, viewOf } from '../support/bytes.js';
import { imageError, unsupported } from '../support/errors.js';
import { IMAGES } from './catalogue.js';
import { decode, encode } from './codec.js';
import {
  type Extent,
  FrameWriter,
  messageOf,
  openFrame,
  type Payload,
  type PayloadRecord,
  readEntries,
} from './framing.js';
import type { Block, Image, Layout, Records } from './image.js';
import { isObject, type JsonStyle, messageFromJson, messageToJson } from './json.js';
import type { Json, JsonObject } from './json-text.js';
import { ghost_chunk_entry } from './messages/ghost-file.js';
import { ipc_msg } from './messages/ipc-msg.js';
import { pagemap_entry } from './messages/pagemap.js';
import { parseBase64, printBase64 } from './renderings.js';
import type { Message } from './schema.js';
import { type Content, contentOf, type ImageReader, type ImageWriter } from './store.js';

/** Raw bytes to JSON and back, for images whose `extra` is not base64 of one block. */
interface Shape {
  print(blocks: Readonly<Record<string, Uint8Array>>): Json;
  parse(json: Json, blocks: readonly Block[]): Record<string, Uint8Array> | undefined;
}

const semaphores: Shape = {
  print({ extra = new Uint8Array() }) {
    const view = viewOf(extra);
    return Array.from({ length: extra.length / 2 }, (_, i) => view.getUint16(2 * i, true));
  },
  parse(json) {
    const isShort = (item: Json): boolean =>
      Number.isInteger(item) && (item as number) >= 0 && (item as number) < 0x1_0000;
    if (!Array.isArray(json) || !json.every(isShort)) return undefined;
    const extra = new Uint8Array(2 * json.length);
    json.forEach((item, i) => {
      viewOf(extra).setUint16(2 * i, item as number, true);
    });
    return { extra };
  },
};

const named: Shape = {
  print: (blocks) =>
    Object.fromEntries(Object.entries(blocks).map(([name, bytes]) => [name, printBase64(bytes)])),
  parse(json, blocks) {
    if (!isObject(json)) return undefined;
    const out: Record<string, Uint8Array> = {};
    for (const { name } of blocks) {
      const bytes = base64(json[name]);
      if (bytes === undefined) return undefined;
      out[name] = bytes;
    }
    return out;
  },
};

/** All blocks one after the other, in one base64. */
const joined: Shape = {
  print: (blocks) => printBase64(concat(Object.values(blocks))),
  parse(json, blocks) {
    const bytes = base64(json);
    if (bytes === undefined) return undefined;
    let at = 0;
    const out: Record<string, Uint8Array> = {};
    for (const [index, { name, length }] of blocks.entries()) {
      const end = index === blocks.length - 1 || length === undefined ? bytes.length : at + length;
      out[name] = bytes.subarray(at, end);
      at = end;
    }
    return out;
  },
};

const SHAPES: Readonly<Record<string, Shape>> = {
  [IMAGES.IPCNS_SEM.key]: semaphores,
  [IMAGES.TCP_STREAM.key]: named,
};
const shapeOf = (image: Image): Shape => SHAPES[image.key] ?? joined;

const base64 = (json: Json | undefined): Uint8Array | undefined =>
  typeof json === 'string' ? parseBase64(json) : undefined;

export interface ImageStyle extends JsonStyle {
  /** The image's name, for errors. */
  readonly file: string;
  /** Only says how long payload is: '... <18B>'. */
  readonly nopl?: boolean;
}

/** Every entry of an image, in order; a ghost file's chunks are entries of their own, as crit has it. */
export function* imageToJson(
  image: Image,
  reader: ImageReader,
  { file, nopl = false, ...style }: ImageStyle,
): Generator<JsonObject, void> {
  refuseRaw(image, file);
  if (image.entries === 'pagemap') {
    yield* pagemapToJson(image, reader, { file, ...style });
    return;
  }
  const message = messageOf(image);
  for (const { value, payload } of readEntries(image, reader, file)) {
    const entry = messageToJson(message, value, style);
    const layout = image.payload?.(value);
    if (!payload || !layout) {
      yield entry;
      continue;
    }
    if (nopl) {
      yield* payloadLengths(image, entry, payload, style);
      continue;
    }
    const readBlocks = (extents: Readonly<Record<string, Extent>>): Json =>
      shapeOf(image).print(
        Object.fromEntries(
          Object.entries(extents).map(([name, { offset, length }]) => [
            name,
            reader.read(offset, length),
          ]),
        ),
      );
    if (layout.blocks.length > 0) entry.extra = readBlocks(payload.blocks);
    if (!layout.records) {
      yield entry;
      continue;
    }
    const recordMessage = layout.records.message;
    const records = payload.records.map(({ value: record, blocks }) => ({
      json: messageToJson(recordMessage, record, style),
      extra: readBlocks(blocks),
    }));
    if (layout.records.count === undefined) {
      yield entry;
      for (const { json, extra } of records) yield { ...json, extra };
    } else {
      yield { ...entry, extra: records.flatMap(({ json, extra }) => [json, extra]) };
    }
  }
}

/** A ghost file's content is no payload to crit: its length goes unsaid. */
function* payloadLengths(
  image: Image,
  entry: JsonObject,
  payload: Payload,
  style: JsonStyle,
): Generator<JsonObject, void> {
  if (image.key === IMAGES.GHOST_FILE.key) {
    yield entry;
    for (const { value } of payload.records) {
      yield messageToJson(ghost_chunk_entry, value as never, style);
    }
    return;
  }
  const lengthOf = (blocks: Readonly<Record<string, Extent>>): number =>
    Object.values(blocks).reduce((sum, { length }) => sum + length, 0);
  let total = lengthOf(payload.blocks);
  for (const { value, blocks } of payload.records) {
    total += encode(ipc_msg, value as never).length + lengthOf(blocks);
  }
  yield { ...entry, extra: `... <${sizeText(total)}>` };
}

/** 18B, 1.5KB, 2MB. */
function sizeText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${units[unit]}`;
}

function refuseRaw(image: Image, file: string): void {
  if (image.entries !== 'raw') return;
  throw unsupported('the image holds raw bytes, no entries', { object: file });
}

function* pagemapToJson(
  image: Image,
  reader: ImageReader,
  { file, ...style }: JsonStyle & { file: string },
): Generator<JsonObject, void> {
  const cursor = openFrame(image, reader, file);
  for (let entry = 0; entry === 0 || cursor.left > 0; entry++) {
    const message: Message<unknown> = entry === 0 ? messageOf(image) : pagemap_entry;
    const bytes = cursor.framed(`entry ${entry}`);
    const value = decode(message, bytes, { file, entry, offset: cursor.at - bytes.length });
    yield messageToJson(message, value, style);
  }
}

/** Writes an image from the entries that `imageToJson` gives; an image error names what cannot be. */
export function imageFromJson(image: Image, entries: Iterable<Json>, writer: ImageWriter): void {
  refuseRaw(image, image.key);
  const frame = new FrameWriter(image, writer);
  const source = entries[Symbol.iterator]();
  let index = 0;
  for (let next = source.next(); !next.done; next = source.next(), index++) {
    const where = `entry ${index}`;
    if (image.entries === 'pagemap') {
      const message: Message<unknown> = index === 0 ? messageOf(image) : pagemap_entry;
      frame.framed(message, messageFromJson(message, next.value, where));
      continue;
    }
    if (image.entries === 'one' && index > 0) throw imageError(`${where}: ${image.key} holds one`);
    const { json, extra } = splitExtra(image, next.value);
    const value = messageFromJson(messageOf(image), json, where);
    const layout = image.payload?.(value);
    frame.entry(value, layout && payloadFromJson(image, layout, { extra, where, source }));
  }
  if (index === 0 && image.entries !== 'many') throw imageError(`${image.key} needs an entry`);
}

function splitExtra(image: Image, json: Json): { json: Json; extra: Json | undefined } {
  if (!image.payload || !isObject(json)) return { json, extra: undefined };
  const { extra, ...rest } = json;
  return { json: rest, extra };
}

interface Source {
  extra: Json | undefined;
  where: string;
  /** The entries that follow. */
  source: Iterator<Json>;
}

function payloadFromJson(image: Image, layout: Layout, from: Source): Payload<Content> {
  const { extra, where } = from;
  const blocks =
    layout.blocks.length > 0 ? blocksFromJson(image, layout.blocks, extra ?? '', where) : {};
  const records = layout.records ? recordsFromJson(image, layout.records, from) : [];
  return { blocks, records };
}

function blocksFromJson(
  image: Image,
  blocks: readonly Block[],
  json: Json,
  where: string,
): Record<string, Content> {
  const parsed = shapeOf(image).parse(json, blocks);
  if (!parsed) throw imageError(`${where}: extra is malformed`);
  const contents: Record<string, Content> = {};
  for (const { name, length } of blocks) {
    const bytes = parsed[name] ?? new Uint8Array();
    if (length !== undefined && bytes.length !== length) {
      throw imageError(`${where}: extra has ${bytes.length} bytes, the entry says ${length}`);
    }
    contents[name] = contentOf(bytes);
  }
  return contents;
}

function recordsFromJson(
  image: Image,
  { message, count, blocks }: Records,
  { extra, where, source }: Source,
): PayloadRecord<Content>[] {
  const items: { json: Json; extra: Json | undefined }[] = [];
  if (count === undefined) {
    for (let next = source.next(); !next.done; next = source.next()) {
      items.push(splitExtra(image, next.value));
    }
  } else {
    const list = Array.isArray(extra) ? extra : [];
    for (let at = 0; at < list.length; at += 2) {
      items.push({ json: list[at] as Json, extra: list[at + 1] });
    }
    if (items.length !== count) {
      throw imageError(`${where}: extra has ${items.length} records, the entry says ${count}`);
    }
  }
  return items.map((item, index) => {
    const here = `${where}, record ${index}`;
    const value = messageFromJson(message, item.json, here);
    return { value, blocks: blocksFromJson(image, blocks(value as never), item.extra ?? '', here) };
  });
}
