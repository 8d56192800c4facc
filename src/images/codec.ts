/**
 * Values to protobuf bytes and back, from the declarations in `messages/`. Decoding bounds what hostile bytes can cost:
 * its work and memory are linear in the input, its recursion is limited, and every failure is an image error that names
 * file, entry, byte, message and field. Encoding writes fields by number, as protobuf-c does, and asserts its values.
 */
import { assert } from '../support/assert.js';
import { concat } from '../support/bytes.js';
import { bug, imageError } from '../support/errors.js';
import { decodeText, encodeText } from '../support/text.js';
import {
  type AnyEnumeration,
  type Field,
  isMessage,
  isScalar,
  type Label,
  type Message,
  type Scalar,
  typeOf,
  UNKNOWN_FIELDS,
} from './schema.js';
import { FIXED64, LENGTH, VARINT, WireFault, WireReader, WireWriter } from './wire.js';

/** Where a message lies, for errors. */
export interface Place {
  /** The image's name. */
  readonly file: string;
  /** The entry's index in it. */
  readonly entry: number;
  /** The byte of the file at which the message begins. */
  readonly offset: number;
}

/** Messages nest as deep as declared, cgroup directories and AppArmor namespaces as deep as the program made them. */
const DEPTH_MAX = 64;

type Value = Record<string, unknown> & { [UNKNOWN_FIELDS]?: Uint8Array };
type ReadScalar = (reader: WireReader) => unknown;
type WriteScalar = (writer: WireWriter, value: never) => void;

/** A field, prepared. */
interface Slot {
  readonly key: string;
  readonly number: number;
  readonly label: Label;
  /** Of one element; a repeated number may also come packed, as LENGTH. */
  readonly wireType: number;
  readonly read: ReadScalar;
  readonly write: WriteScalar;
  readonly holds: (value: unknown) => boolean;
  /** Set for a field that holds a message. */
  readonly message: Message<unknown> | undefined;
}

interface Plan {
  /** In number order. */
  readonly slots: readonly Slot[];
  readonly byNumber: ReadonlyMap<number, Slot>;
}

const plans = new WeakMap<Message<unknown>, Plan>();

function planOf(message: Message<unknown>): Plan {
  const known = plans.get(message);
  if (known) return known;
  const slots = Object.entries(message.fields)
    .map(([key, field]) => slotOf(key, field))
    .sort((a, b) => a.number - b.number);
  const byNumber = new Map(slots.map((slot) => [slot.number, slot]));
  assert(byNumber.size === slots.length, `${message.name} declares a field number twice`);
  const plan = { slots, byNumber };
  plans.set(message, plan);
  return plan;
}

type Kind = Pick<Slot, 'wireType' | 'read' | 'write' | 'holds'>;

const isInteger =
  (min: number, max: number) =>
  (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
const isWide =
  (min: bigint, max: bigint) =>
  (value: unknown): boolean =>
    typeof value === 'bigint' && value >= min && value <= max;
const isInt32 = isInteger(-0x8000_0000, 0x7fff_ffff);
const isUint64 = isWide(0n, 0xffff_ffff_ffff_ffffn);
const isInt64 = isWide(-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn);
const isWord = (value: unknown): boolean =>
  isInteger(0, 2 ** 64 - 1)(value) &&
  (Number.isSafeInteger(value) || (value as number) % 0x1000 === 0);

function kind<T>(
  wireType: number,
  read: (reader: WireReader) => T,
  write: (writer: WireWriter, value: T) => void,
  holds: (value: unknown) => boolean,
): Kind {
  return { wireType, read, write: write as WriteScalar, holds };
}

const INT32 = kind(
  VARINT,
  (r) => r.int32(),
  (w, v) => w.int32(v),
  isInt32,
);
const ZIGZAG64 = (value: bigint): bigint => (value << 1n) ^ (value >> 63n);
const SCALARS: Record<Scalar<unknown>['wire'], Kind> = {
  int32: INT32,
  uint32: kind(
    VARINT,
    (r) => r.uint32(),
    (w, v) => w.varint(v),
    isInteger(0, 0xffff_ffff),
  ),
  sint32: kind(
    VARINT,
    (r) => r.sint32(),
    (w, v) => w.varint(((v << 1) ^ (v >> 31)) >>> 0),
    isInt32,
  ),
  int64: kind(
    VARINT,
    (r) => r.int64(),
    (w, v) => w.varint64(v),
    isInt64,
  ),
  uint64: kind(
    VARINT,
    (r) => r.uint64(),
    (w, v) => w.varint64(v),
    isUint64,
  ),
  sint64: kind(
    VARINT,
    (r) => r.sint64(),
    (w, v) => w.varint64(ZIGZAG64(v)),
    isInt64,
  ),
  fixed64: kind(
    FIXED64,
    (r) => r.fixed64(),
    (w, v) => w.fixed64(v),
    isUint64,
  ),
  bool: kind(
    VARINT,
    (r) => r.bool(),
    (w, v) => w.varint(v ? 1 : 0),
    (value) => typeof value === 'boolean',
  ),
  string: kind(
    LENGTH,
    readText,
    (w, v) => w.content(encodeText(v)),
    (v) => typeof v === 'string',
  ),
  bytes: kind(
    LENGTH,
    readBytes,
    (w, v) => w.content(v),
    (v) => v instanceof Uint8Array,
  ),
};
const WORD = kind(
  VARINT,
  (r) => r.word(),
  (w, v) => w.varint(v),
  isWord,
);
const SIGNED_WORD = kind(
  VARINT,
  (r) => r.signedWord(),
  (w, v) => w.varint64(ZIGZAG64(BigInt(v))),
  (value) => Number.isSafeInteger(value),
);

function readText(reader: WireReader): string {
  const end = reader.contentEnd();
  const text = decodeText(reader.bytes, reader.at, end);
  reader.at = end;
  return text;
}

function readBytes(reader: WireReader): Uint8Array {
  const end = reader.contentEnd();
  const content = reader.bytes.slice(reader.at, end);
  reader.at = end;
  return content;
}

/** For messages, `read` and `write` are never called: they recurse. */
const MESSAGE: Kind = kind(
  LENGTH,
  () => undefined,
  () => undefined,
  (value) => typeof value === 'object' && value !== null,
);

function kindOf(type: Scalar<unknown> | AnyEnumeration): Kind {
  if (!isScalar(type)) return INT32;
  if (!type.exact) return SCALARS[type.wire];
  return type.wire === 'sint64' ? SIGNED_WORD : WORD;
}

function slotOf(key: string, field: Field): Slot {
  const type = typeOf(field);
  const { number, label } = field;
  if (isMessage(type)) return { key, number, label, message: type, ...MESSAGE };
  return { key, number, label, message: undefined, ...kindOf(type) };
}

/**
 * The value of a message. Text that is not UTF-8 and fields that are not declared survive a round trip.
 * Fails with an image error: cut off, malformed, a required field missing, a 64-bit address or length that is none.
 */
export function decode<V>(message: Message<V>, bytes: Uint8Array, where: Place): V {
  const trail: string[] = [];
  const unknown: Target['unknown'] = new Map();
  try {
    const value = decodeMessage(planOf(message), new WireReader(bytes), {
      value: {},
      trail,
      unknown,
      depth: 0,
    });
    for (const [owner, fields] of unknown) owner[UNKNOWN_FIELDS] = concat(fields);
    return value as V;
  } catch (error) {
    if (!(error instanceof WireFault)) throw error;
    const at = where.offset + error.offset;
    throw imageError(
      `entry ${where.entry}, byte ${at}: ${[message.name, ...trail].join('.')}: ${error.message}`,
      {
        object: where.file,
        remedy: 'the image is damaged or cut off: take it from its source again',
      },
    );
  }
}

interface Target {
  value: Value;
  /** The fields that lead here; complete only while an error is on its way. */
  trail: string[];
  /** Undeclared fields, by the message that holds them. */
  unknown: Map<Value, Uint8Array[]>;
  depth: number;
}

function decodeMessage({ slots, byNumber }: Plan, reader: WireReader, target: Target): Value {
  const { value, trail } = target;
  const start = reader.at;
  for (const { label, key } of slots) if (label === 'repeated') value[key] ??= [];
  let slot: Slot | undefined;
  try {
    while (reader.at < reader.end) {
      const fieldStart = reader.at;
      const tag = reader.tag();
      slot = byNumber.get(tag >>> 3);
      if (slot !== undefined) decodeField(slot, tag & 7, reader, target);
      else keepUnknown(reader, { tag, from: fieldStart }, target);
      slot = undefined;
    }
  } catch (error) {
    if (slot !== undefined && error instanceof WireFault) trail.unshift(slot.key);
    throw error;
  }
  for (const { label, key } of slots) {
    if (label === 'required' && value[key] === undefined) {
      trail.unshift(key);
      throw new WireFault('a required field is missing', start);
    }
  }
  return value;
}

function keepUnknown(
  reader: WireReader,
  { tag, from }: { tag: number; from: number },
  { value, unknown }: Target,
): void {
  reader.skip(tag);
  const fields = unknown.get(value) ?? [];
  fields.push(reader.bytes.slice(from, reader.at));
  unknown.set(value, fields);
}

function decodeField(slot: Slot, wireType: number, reader: WireReader, target: Target): void {
  const { key, label, message } = slot;
  const { value } = target;
  const outer = reader.end;
  if (wireType !== slot.wireType) {
    const packed = wireType === LENGTH && label === 'repeated' && slot.wireType !== LENGTH;
    if (!packed) {
      throw new WireFault(`wire type ${wireType} instead of ${slot.wireType}`, reader.at);
    }
    const list = value[key] as unknown[];
    reader.end = reader.contentEnd();
    while (reader.at < reader.end) list.push(slot.read(reader));
    reader.end = outer;
    return;
  }
  if (message === undefined) {
    if (label !== 'repeated') {
      value[key] = slot.read(reader);
      return;
    }
    // Arrays of registers come as one field after the other.
    const list = value[key] as unknown[];
    const tag = (slot.number << 3) | wireType;
    do list.push(slot.read(reader));
    while (reader.takeTag(tag));
    return;
  }
  const { trail, unknown, depth } = target;
  if (depth + 1 >= DEPTH_MAX) {
    throw new WireFault(`messages are nested deeper than ${DEPTH_MAX}`, reader.at);
  }
  // A message field that comes twice is merged, as protobuf has it.
  const earlier = label === 'repeated' ? undefined : (value[key] as Value | undefined);
  const inner: Target = { value: earlier ?? {}, trail, unknown, depth: depth + 1 };
  // The reader is confined to the content; after a failure it is not used again.
  reader.end = reader.contentEnd();
  decodeMessage(planOf(message), reader, inner);
  reader.end = outer;
  if (label === 'repeated') (value[key] as unknown[]).push(inner.value);
  else value[key] = inner.value;
}

/** The bytes of a value, byte for byte what protobuf-c writes. A value that does not fit its declaration is a bug. */
export function encode<V>(message: Message<V>, value: NoInfer<V>): Uint8Array {
  const writer = new WireWriter();
  encodeMessage(message, value as Value, writer);
  return writer.finish();
}

// No text is put together before it is needed, not even for assertions: there are a dozen fields to each of thousands.
function encodeMessage(message: Message<unknown>, value: Value, writer: WireWriter): void {
  for (const slot of planOf(message).slots) {
    const content = value[slot.key];
    if (slot.label === 'repeated') {
      if (!Array.isArray(content)) throw misfit(message, slot, 'is not an array');
      for (const element of content) encodeField(message, slot, element, writer);
    } else if (content !== undefined) {
      encodeField(message, slot, content, writer);
    } else if (slot.label === 'required') {
      throw misfit(message, slot, 'is missing');
    }
  }
  const unknown = value[UNKNOWN_FIELDS];
  if (unknown) writer.raw(unknown);
}

const misfit = ({ name }: Message<unknown>, { key }: Slot, what: string) =>
  bug(`${name}.${key} ${what}`);

function encodeField(
  owner: Message<unknown>,
  slot: Slot,
  content: unknown,
  writer: WireWriter,
): void {
  if (!slot.holds(content)) {
    throw misfit(owner, slot, `cannot hold ${typeof content} ${String(content)}`);
  }
  writer.varint(slot.number * 8 + slot.wireType);
  const { message } = slot;
  if (message) {
    const start = writer.begin();
    encodeMessage(message, content as Value, writer);
    writer.end(start);
  } else slot.write(writer, content as never);
}
