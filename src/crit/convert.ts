/** Images to JSON and back: decode, show, encode, recode, info. Images stream; JSON is read whole. */
import { identifyHeader, imageOfMagicName, magicName } from '../images/catalogue.js';
import { openFrame, readEntries } from '../images/framing.js';
import type { Image } from '../images/image.js';
import { isObject } from '../images/json.js';
import { imageFromJson, imageToJson } from '../images/json-image.js';
import { type Json, parseJson, printJson } from '../images/json-text.js';
import type { ImageReader, ImageWriter } from '../images/store.js';
import { concat, utf8 } from '../support/bytes.js';
import { imageError } from '../support/errors.js';
import { nameOf, openInput, openOutput, readText } from './files.js';

interface Files {
  readonly input: string | undefined;
  readonly output: string | undefined;
}

/** How an image is shown. */
interface Look {
  readonly pretty: boolean;
  readonly nopl: boolean;
}

const INDENT = 4;

/** Told what a reader of the JSON should know: fields that it does not hold. */
export type Warn = (text: string) => void;

/** Which image the bytes are; an image error when they are none that has entries. */
function identify(reader: ImageReader, file: string): Image {
  const header = reader.read(0, Math.min(8, reader.size));
  const image = identifyHeader(header);
  if (image && image.entries !== 'raw') return image;
  if (header.length < 4) {
    throw imageError(`the image ends after ${header.length} bytes, before its magic`, {
      object: file,
      remedy: 'take the image from its source again',
    });
  }
  const magic = new DataView(header.buffer, header.byteOffset).getUint32(0, true);
  throw imageError(`unknown magic 0x${magic.toString(16)}`, {
    object: file,
    remedy: 'name an image with entries: pages-*.img and some others hold raw data',
  });
}

/** Writes an image as JSON: on one line, or as people read it. */
export function decodeImage({ input, output }: Files, look: Look, warn: Warn): void {
  const file = nameOf(input);
  const reader = openInput(input);
  try {
    const image = identify(reader, file);
    const writer = openOutput(output);
    try {
      writeJson(writer, image, reader, { ...look, file, warn });
      // A text file would end in a line break; a reader of ours compares bytes, and a terminal needs it.
      if (output === undefined) writer.write(utf8('\n'));
      writer.finish();
    } finally {
      writer.close();
    }
  } finally {
    reader.close();
  }
}

function writeJson(
  writer: ImageWriter,
  image: Image,
  reader: ImageReader,
  { pretty, nopl, file, warn }: Look & { file: string; warn: Warn },
): void {
  const lost = new Set<string>();
  const style = { pretty, nopl, file, onUnknown: (message: string) => void lost.add(message) };
  const put = (text: string) => writer.write(utf8(text));
  const [open, between, close] = pretty
    ? [`{\n    "magic": "${magicName(image)}",\n    "entries": [`, '\n        ', '\n    ]\n}']
    : [`{"magic": "${magicName(image)}", "entries": [`, '', ']}'];
  put(open);
  let count = 0;
  for (const entry of imageToJson(image, reader, style)) {
    if (count > 0) put(pretty ? ',' : ', ');
    const text = printJson(entry, pretty ? INDENT : undefined);
    // Strings hold no line breaks of their own: those are the printer's.
    put(`${between}${pretty ? text.replaceAll('\n', between) : text}`);
    count++;
  }
  put(count === 0 ? close.trimStart() : close);
  for (const message of lost) {
    warn(`${file}: ${message} has fields that are not known here; the JSON leaves them out`);
  }
}

/** Writes the image that a JSON text describes. */
export function encodeImage({ input, output }: Files): void {
  const { image, entries } = parseImage(readText(input), nameOf(input));
  const writer = openOutput(output);
  try {
    imageFromJson(image, entries, writer);
    writer.finish();
  } finally {
    writer.close();
  }
}

function parseImage(text: string, file: string): { image: Image; entries: Json[] } {
  const json = parseJson(text);
  const fail = (what: string) => imageError(what, { object: file });
  if (!isObject(json)) throw fail("the text is no object with 'magic' and 'entries'");
  const { magic, entries } = json;
  if (typeof magic !== 'string') throw fail("'magic' is missing");
  if (!Array.isArray(entries)) throw fail("'entries' is missing");
  const image = imageOfMagicName(magic);
  if (!image || image.entries === 'raw') throw fail(`there is no image with magic '${magic}'`);
  return { image, entries };
}

/** Takes an image through JSON and back; an image error when the outcome is not the image byte for byte. */
export function recodeImage({ input, output }: Files, warn: Warn): void {
  const file = nameOf(input);
  const reader = openInput(input);
  try {
    const before = reader.read(0, reader.size);
    const json = memoryWriter();
    writeJson(json, identify(reader, file), reader, { pretty: true, nopl: false, file, warn });
    const { image, entries } = parseImage(json.text(), file);
    const after = memoryWriter();
    imageFromJson(image, entries, after);
    writeAll(output, after.bytes());
    const at = firstDifference(before, after.bytes());
    if (at !== undefined) {
      throw imageError(`byte ${at}: the image differs after it went through JSON`, {
        object: file,
        remedy: 'it holds fields that are not known here, or was not written in their order',
      });
    }
  } finally {
    reader.close();
  }
}

function writeAll(output: string | undefined, bytes: Uint8Array): void {
  const writer = openOutput(output);
  try {
    writer.write(bytes);
    writer.finish();
  } finally {
    writer.close();
  }
}

function memoryWriter() {
  const parts: Uint8Array[] = [];
  let position = 0;
  return {
    get position() {
      return position;
    },
    write(bytes: Uint8Array) {
      parts.push(bytes.slice());
      position += bytes.length;
    },
    finish: () => {},
    close: () => {},
    bytes: () => concat(parts),
    text: () => Buffer.from(concat(parts)).toString('latin1'),
  };
}

function firstDifference(one: Uint8Array, other: Uint8Array): number | undefined {
  const end = Math.max(one.length, other.length);
  for (let at = 0; at < end; at++) if (one[at] !== other[at]) return at;
  return undefined;
}

/** The image's magic and how many entries it has. */
export function imageInfo(input: string): Json {
  const reader = openInput(input);
  try {
    const image = identify(reader, input);
    return { magic: magicName(image), count: countEntries(image, reader, input) };
  } finally {
    reader.close();
  }
}

function countEntries(image: Image, reader: ImageReader, file: string): number {
  let count = 0;
  if (image.entries !== 'pagemap') {
    for (const _ of readEntries(image, reader, file)) count++;
    return count;
  }
  const cursor = openFrame(image, reader, file);
  for (cursor.framed('the head'); cursor.left > 0; count++) cursor.framed(`entry ${count + 1}`);
  return count;
}
