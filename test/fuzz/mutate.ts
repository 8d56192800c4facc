/**
 * Structure-aware mutations of a checkpoint held in memory: of files, of frames, of protobuf's wire, of decoded fields, of
 * references between images, of page runs. Each takes a source of random numbers, so that a seed names an input.
 */
import { identifyImage } from '../../src/images/catalogue.js';
import { encode } from '../../src/images/codec.js';
import { frameHeader, messageOf, readEntries } from '../../src/images/framing.js';
import type { Image } from '../../src/images/image.js';
import { pagemap_entry } from '../../src/images/messages/pagemap.js';
import { isMessage, isScalar, type Message, typeOf } from '../../src/images/schema.js';
import { concat, viewOf } from '../../src/support/bytes.js';
import { readerOf } from '../support/memory-store.js';

/** A number from 0 to `below` - 1. */
export type Random = (below: number) => number;
export type Files = Map<string, Uint8Array>;

const pick = <T>(random: Random, items: readonly T[]): T => items[random(items.length)] as T;

/** Applies one to four mutations; says which, for a person who looks into a finding. */
export function mutate(files: Files, random: Random): string[] {
  const done: string[] = [];
  // Broken frames are refused at the door: half of the inputs are well-formed images that lie.
  const kinds = random(2) === 0 ? MUTATIONS : LIES;
  for (let count = 1 + random(kinds === LIES ? 2 : 4); count > 0; count--) {
    const mutation = pick(random, kinds);
    const name = pick(random, [...files.keys()]);
    done.push(`${mutation.name} ${name}${mutation(files, name, random) ?? ''}`);
  }
  return done;
}

type Mutation = (files: Files, name: string, random: Random) => string | undefined;

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  cut,
  extend,
  overwriteWord,
  spliceFrames,
  lieAboutLength,
  mutateWire,
  nestDeeply,
  ...Array<Mutation>(8).fill(mutateField),
  ...Array<Mutation>(3).fill(mutateRun),
  removeFile,
  swapFiles,
  renameFile,
];

/** What leaves images well-formed. */
const LIES: readonly Mutation[] = [...Array<Mutation>(12).fill(mutateField), mutateRun];

function flipBits(files: Files, name: string, random: Random): undefined {
  const bytes = files.get(name)?.slice();
  if (!bytes || bytes.length === 0) return;
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random(8));
  }
  files.set(name, bytes);
}

function cut(files: Files, name: string, random: Random): undefined {
  const bytes = files.get(name) ?? new Uint8Array();
  files.set(name, bytes.slice(0, random(bytes.length + 1)));
}

function extend(files: Files, name: string, random: Random): undefined {
  const more = Uint8Array.from({ length: 1 + random(64) }, () => random(256));
  files.set(name, concat([files.get(name) ?? new Uint8Array(), more]));
}

const WORDS = [0, 1, 0x7f, 0x80, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x4000_0000];

function overwriteWord(files: Files, name: string, random: Random): undefined {
  const bytes = files.get(name)?.slice();
  if (!bytes || bytes.length < 4) return;
  viewOf(bytes).setUint32(random(bytes.length - 3), pick(random, WORDS), true);
  files.set(name, bytes);
}

/** Where each entry begins, with its length word; payload between entries is cut in the same way. */
function framesOf(bytes: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 8; at + 4 <= bytes.length; ) {
    starts.push(at);
    at += 4 + viewOf(bytes).getUint32(at, true);
  }
  return starts;
}

/** Doubles, drops or moves whole entries. */
function spliceFrames(files: Files, name: string, random: Random): undefined {
  const bytes = files.get(name);
  const starts = bytes ? framesOf(bytes) : [];
  if (!bytes || starts.length === 0) return;
  const at = random(starts.length);
  const [start, end] = [starts[at] as number, starts[at + 1] ?? bytes.length];
  const frame = bytes.slice(start, end);
  const rest = [bytes.slice(0, start), bytes.slice(end)];
  const parts = [
    [...rest],
    [rest[0], ...Array(1 + random(300)).fill(frame), rest[1]],
    [bytes.slice(0, 8), frame, bytes.slice(8, start), rest[1]],
  ];
  files.set(name, concat(pick(random, parts) as Uint8Array[]));
}

function lieAboutLength(files: Files, name: string, random: Random): undefined {
  const bytes = files.get(name)?.slice();
  const starts = bytes ? framesOf(bytes) : [];
  if (!bytes || starts.length === 0) return;
  const at = pick(random, starts);
  const length = viewOf(bytes).getUint32(at, true);
  const lies = [...WORDS, length + 1, Math.max(0, length - 1), bytes.length];
  viewOf(bytes).setUint32(at, pick(random, lies), true);
  files.set(name, bytes);
}

/** Another wire type, field number or length inside an entry. */
function mutateWire(files: Files, name: string, random: Random): undefined {
  const bytes = files.get(name)?.slice();
  const starts = bytes ? framesOf(bytes) : [];
  if (!bytes || starts.length === 0) return;
  const start = pick(random, starts) + 4;
  const room = Math.min(bytes.length - start, 64);
  if (room <= 0) return;
  const values = [0, 1, 7, 8, 0x0a, 0x7f, 0x80, 0xff, random(256)];
  bytes[start + random(room)] = pick(random, values);
  files.set(name, bytes);
}

/** A cgroup directory, or anything else that takes bytes in field 3, inside itself many times. */
function nestDeeply(files: Files, name: string, random: Random): undefined {
  const field = pick(random, [1, 2, 3, 4, 7]) * 8 + 2;
  let inner: Uint8Array = new Uint8Array(0);
  for (let depth = pick(random, [10, 70, 2000]); depth > 0; depth--) {
    inner = concat([Uint8Array.of(field, ...varint(inner.length)), inner]);
  }
  const length = new Uint8Array(4);
  viewOf(length).setUint32(0, inner.length, true);
  const image = identifyImage(name)?.image;
  files.set(name, concat([image ? frameHeader(image) : length, length, inner]));
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

/** Decodes an image, changes a field anywhere in it, and encodes it again. */
function mutateField(files: Files, name: string, random: Random): string | undefined {
  const image = identifyImage(name)?.image;
  const bytes = files.get(name);
  if (!image?.message || !bytes || (image.entries !== 'one' && image.entries !== 'many')) return;
  try {
    const entries = [...readEntries(image, readerOf(bytes), name)];
    const entry = pick(random, entries);
    if (!entry) return;
    const path = changeField(messageOf(image), entry.value as Value, { files, random });
    // Payload is kept behind its entry: what the entry says about it may be a lie now.
    files.set(name, reassemble(image, entries as never, bytes));
    return `: entry ${entry.index}.${path}`;
  } catch {
    // An earlier mutation broke it, or the value cannot be encoded: another mutation's turn.
    return;
  }
}

type Value = Record<string, unknown>;

interface Source {
  readonly files: Files;
  readonly random: Random;
}

function changeField(message: Message<unknown>, value: Value, source: Source): string {
  const { random } = source;
  const [key, field] = pick(random, Object.entries(message.fields));
  const type = typeOf(field);
  const content = value[key];
  if (field.label === 'repeated') {
    const list = content as unknown[];
    const element = pick(random, list);
    if (isMessage(type) && element && random(3) > 0) {
      return `${key}[].${changeField(type, element as Value, source)}`;
    }
    changeList(
      list,
      isMessage(type) ? structuredClone(element ?? {}) : newScalar(field, source),
      random,
    );
    return `${key}[]`;
  }
  if (field.label === 'optional' && content !== undefined && random(6) === 0) {
    delete value[key];
    return `${key} removed`;
  }
  if (isMessage(type)) {
    if (content === undefined) return `${key} is absent`;
    return `${key}.${changeField(type, content as Value, source)}`;
  }
  value[key] = newScalar(field, source);
  return `${key} = ${String(value[key]).slice(0, 40)}`;
}

function changeList(list: unknown[], element: unknown, random: Random): void {
  const change = random(4);
  if (change === 0) list.length = 0;
  else if (change === 1) list.splice(random(list.length + 1), 1);
  else if (change === 2 && element !== undefined) list.splice(random(list.length + 1), 0, element);
  else if (element !== undefined) for (let i = random(2000); i > 0; i--) list.push(element);
}

const NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  100,
  255,
  256,
  1000,
  4095,
  4096,
  4097,
  65534,
  65535,
  65536,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
  0x1_0000_0000,
  2 ** 40,
  0x7fff_ffff_f000,
  2 ** 52,
  2 ** 63,
  2 ** 64 - 4096,
];
const TEXTS = [
  '',
  '/',
  '..',
  '../../../../etc/passwd',
  'x'.repeat(5000),
  'a\0b',
  '\udc80\x1b[31m',
  '//',
];

/** A boundary value, or a number that means something elsewhere in the checkpoint: an id, a pid, an address. */
function newScalar(field: Message<unknown>['fields'][string], { files, random }: Source): unknown {
  const type = typeOf(field);
  if (isMessage(type)) return {};
  if (!isScalar(type)) return pick(random, [-1, 0, 1, 2, 3, 17, 99, 0x7fff_ffff]);
  if (type.wire === 'bool') return random(2) === 1;
  if (type.wire === 'string') return pick(random, TEXTS);
  if (type.wire === 'bytes')
    return new Uint8Array(pick(random, [0, 1, 7, 108, 5000])).fill(random(256));
  const ids = [...files.keys()].flatMap((name) => {
    const id = identifyImage(name)?.id;
    return typeof id === 'number' ? [id] : [];
  });
  const number = pick(random, random(3) === 0 && ids.length > 0 ? ids : NUMBERS);
  const isSigned = type.wire.startsWith('s') || type.wire.startsWith('int');
  if (!type.wire.endsWith('64')) {
    const small = number % 2 ** 32;
    return isSigned ? small | 0 : small;
  }
  if (type.exact) return isSigned ? (random(2) ? -1 : 1) * Math.min(number, 2 ** 52) : number;
  return isSigned ? BigInt.asIntN(64, BigInt(number)) : BigInt.asUintN(64, BigInt(number));
}

interface Read {
  readonly value: unknown;
  readonly payload?: {
    blocks: Record<string, { offset: number; length: number }>;
    records: unknown[];
  };
}

/** The image of changed entries, each followed by the raw bytes that followed it before. */
function reassemble(image: Image, entries: readonly Read[], old: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [frameHeader(image)];
  for (const { value, payload } of entries) {
    const bytes = encode(messageOf(image), value as never);
    const length = new Uint8Array(4);
    viewOf(length).setUint32(0, bytes.length, true);
    parts.push(length, bytes);
    for (const { offset, length: size } of Object.values(payload?.blocks ?? {})) {
      parts.push(old.slice(offset, offset + size));
    }
  }
  return concat(parts);
}

/** Changes a run of a pagemap, or the page file that its head names. */
function mutateRun(files: Files, _: string, random: Random): string | undefined {
  const names = [...files.keys()].filter((name) => name.startsWith('pagemap'));
  const name = names.length > 0 ? pick(random, names) : undefined;
  const bytes = name === undefined ? undefined : files.get(name);
  const image = name === undefined ? undefined : identifyImage(name)?.image;
  if (name === undefined || !bytes || image?.entries !== 'pagemap') return;
  const frames = framesOf(bytes);
  if (frames.length < 2) return;
  const at = pick(random, frames.slice(1));
  const run = {
    vaddr: pick(
      random,
      NUMBERS.filter((n) => n % 4096 === 0 || random(9) === 0),
    ),
    compat_nr_pages: pick(random, [0, 1, 0xffff_ffff]),
    ...(random(3) > 0 && { nr_pages: pick(random, NUMBERS) }),
    flags: random(8),
  };
  try {
    const entry = encode(pagemap_entry, run);
    const length = new Uint8Array(4);
    viewOf(length).setUint32(0, entry.length, true);
    const end = at + 4 + viewOf(bytes).getUint32(at, true);
    files.set(name, concat([bytes.slice(0, at), length, entry, bytes.slice(end)]));
    return `: run at ${at}`;
  } catch {
    return;
  }
}

function removeFile(files: Files, name: string): undefined {
  files.delete(name);
}

function swapFiles(files: Files, name: string, random: Random): undefined {
  const other = pick(random, [...files.keys()]);
  const [one, two] = [files.get(name), files.get(other)];
  if (one && two) files.set(name, two).set(other, one);
}

/** The image of another task, table or page file. */
function renameFile(files: Files, name: string, random: Random): undefined {
  const bytes = files.get(name);
  if (!bytes) return;
  files.delete(name);
  const id = pick(random, [0, 1, 2, 3, 4_000_000_000, Number.MAX_SAFE_INTEGER]);
  files.set(name.replace(/\d+/, String(id)), bytes);
}
