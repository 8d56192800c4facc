/**
 * C structs, declared: field offsets, size and the value's type follow from the field list. The stated size is
 * asserted at load, and a test compares sizes and offsets with the kernel's headers.
 */
import { assert } from '../support/assert.js';
import { getU64, setU64, toNumber, viewOf } from '../support/bytes.js';

/** How one field is laid out, read and written. */
export interface FieldType<T> {
  readonly size: number;
  readonly align: number;
  get(view: DataView, offset: number): T;
  set(view: DataView, offset: number, value: T): void;
}

function integer(
  size: number,
  get: (view: DataView, offset: number) => number,
  set: (view: DataView, offset: number, value: number) => void,
): FieldType<number> {
  return { size, align: size, get, set };
}

export const u8 = integer(
  1,
  (v, o) => v.getUint8(o),
  (v, o, x) => v.setUint8(o, x),
);
export const u16 = integer(
  2,
  (v, o) => v.getUint16(o, true),
  (v, o, x) => v.setUint16(o, x, true),
);
export const i16 = integer(
  2,
  (v, o) => v.getInt16(o, true),
  (v, o, x) => v.setInt16(o, x, true),
);
export const u32 = integer(
  4,
  (v, o) => v.getUint32(o, true),
  (v, o, x) => v.setUint32(o, x, true),
);
export const i32 = integer(
  4,
  (v, o) => v.getInt32(o, true),
  (v, o, x) => v.setInt32(o, x, true),
);
/** A raw 64-bit word: bigint. */
export const u64: FieldType<bigint> = {
  size: 8,
  align: 8,
  get: (view, offset) => view.getBigUint64(offset, true),
  set: (view, offset, value) => view.setBigUint64(offset, BigInt.asUintN(64, value), true),
};
export const i64: FieldType<bigint> = {
  size: 8,
  align: 8,
  get: (view, offset) => view.getBigInt64(offset, true),
  set: (view, offset, value) => view.setBigInt64(offset, value, true),
};
/** A 64-bit address, length, offset or seconds: number, asserted exact. */
export const word: FieldType<number> = { size: 8, align: 8, get: getU64, set: setU64 };
/** A signed 64-bit count (seconds, nanoseconds, offsets) as a number. */
export const long: FieldType<number> = {
  size: 8,
  align: 8,
  get: (view, offset) => toNumber(view.getBigInt64(offset, true)),
  set: (view, offset, value) => view.setBigInt64(offset, BigInt(value), true),
};

/** A fixed run of raw bytes; a shorter value is padded with zeros. */
export function bytes(size: number): FieldType<Uint8Array> {
  return {
    size,
    align: 1,
    get: (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, size).slice(),
    set: (view, offset, value) => {
      assert(value.length <= size, `${value.length} bytes do not fit a field of ${size}`);
      new Uint8Array(view.buffer, view.byteOffset + offset, size).fill(0).set(value);
    },
  };
}

export function array<T>(element: FieldType<T>, length: number): FieldType<T[]> {
  return {
    size: element.size * length,
    align: element.align,
    get(view, offset) {
      const items: T[] = [];
      for (let i = 0; i < length; i++) items.push(element.get(view, offset + i * element.size));
      return items;
    },
    set: (view, offset, value) => {
      assert(value.length === length, `An array of ${length} was given ${value.length} elements`);
      value.forEach((item, i) => {
        element.set(view, offset + i * element.size, item);
      });
    },
  };
}

type Fields = Record<string, FieldType<never>>;
type ValueOf<F> = F extends FieldType<infer T> ? T : never;
export type StructValue<S> = S extends Struct<infer F> ? { [K in keyof F]: ValueOf<F[K]> } : never;

// biome-ignore lint/suspicious/noExplicitAny: a field list holds fields of any value type
export interface Struct<F extends Record<string, FieldType<any>>>
  extends FieldType<{ [K in keyof F]: ValueOf<F[K]> }> {
  readonly name: string;
  readonly fields: F;
  readonly offsets: { readonly [K in keyof F]: number };
  /** The bytes of a value; missing fields are zero. */
  encode(value: Partial<{ [K in keyof F]: ValueOf<F[K]> }>): Uint8Array;
  decode(bytes: Uint8Array, offset?: number): { [K in keyof F]: ValueOf<F[K]> };
}

/** Declares a C struct. `size` is asserted against the computed layout. */
// biome-ignore lint/suspicious/noExplicitAny: a field list holds fields of any value type
export function struct<F extends Record<string, FieldType<any>>>(
  name: string,
  fields: F,
  { size, packed = false }: { size: number; packed?: boolean },
): Struct<F> {
  type Value = { [K in keyof F]: ValueOf<F[K]> };
  const offsets: Record<string, number> = {};
  let at = 0;
  let align = 1;
  for (const [key, field] of Object.entries(fields as unknown as Fields)) {
    if (!packed) {
      at = Math.ceil(at / field.align) * field.align;
      align = Math.max(align, field.align);
    }
    offsets[key] = at;
    at += field.size;
  }
  at = Math.ceil(at / align) * align;
  assert(at === size, `struct ${name} is ${at} bytes, not ${size}`);
  const placed = Object.entries(fields).map(([key, field]) => ({
    key,
    field,
    at: offsets[key] ?? 0,
  }));
  const get = (view: DataView, offset: number): Value => {
    const value: Record<string, unknown> = {};
    for (const { key, field, at } of placed) value[key] = field.get(view, offset + at);
    return value as Value;
  };
  const set = (view: DataView, offset: number, value: Partial<Value>): void => {
    for (const { key, field, at } of placed) {
      const given = value[key as keyof F];
      if (given !== undefined) field.set(view, offset + at, given);
    }
  };
  return {
    name,
    fields,
    offsets: offsets as { [K in keyof F]: number },
    size,
    align,
    get,
    set,
    encode(value) {
      const out = new Uint8Array(size);
      set(viewOf(out), 0, value);
      return out;
    },
    decode(from, offset = 0) {
      assert(from.length >= offset + size, `struct ${name} needs ${size} bytes`);
      return get(viewOf(from), offset);
    },
  };
}
