/** The only place where bytes, number and bigint turn into one another. Little-endian throughout. */
import { assert } from './assert.js';

/** Exact or an assertion: a raw 64-bit word that is known to hold an address, a length, an fd or a pid. */
export function toNumber(value: bigint): number {
  const result = Number(value);
  assert(BigInt(result) === value, `0x${value.toString(16)} does not fit a number exactly`);
  return result;
}

/** A signed or unsigned value as the 64-bit word that holds it. */
export const toWord = (value: number | bigint): bigint => BigInt.asUintN(64, BigInt(value));
export const toSigned = (word: bigint): bigint => BigInt.asIntN(64, word);

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Writes a 64-bit value that is a number without the cost of a bigint; exact for any integer below 2^64 a double holds. */
export function setU64(view: DataView, offset: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    view.setBigUint64(offset, BigInt.asUintN(64, value), true);
  } else if (value >= 0) {
    view.setUint32(offset, value % 0x1_0000_0000, true);
    view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
  } else {
    view.setBigInt64(offset, BigInt(value), true);
  }
}

/** Reads a 64-bit value as a number; asserts that it is exact (page-aligned values above 2^53 are). */
export function getU64(view: DataView, offset: number): number {
  const low = view.getUint32(offset, true);
  const high = view.getUint32(offset + 4, true);
  const value = high * 0x1_0000_0000 + low;
  assert(high < 0x20_0000 || low % 0x1000 === 0, 'a 64-bit word is not exact as a number');
  return value;
}

const halves = new Uint32Array(2);
const whole = new BigUint64Array(halves.buffer);
/** The lower and the upper 32 bits of a 64-bit word, signed or not: much faster than arithmetic on bigints. */
export function splitWord(word: bigint): { low: number; high: number } {
  whole[0] = word;
  return { low: halves[0] ?? 0, high: halves[1] ?? 0 };
}

/** Which bits of a 64-bit word are set, ascending. */
export function setBits(word: bigint): number[] {
  const { low, high } = splitWord(word);
  const bits: number[] = [];
  for (let rest = low, bit = 0; rest !== 0; rest >>>= 1, bit++) if (rest & 1) bits.push(bit);
  for (let rest = high, bit = 32; rest !== 0; rest >>>= 1, bit++) if (rest & 1) bits.push(bit);
  return bits;
}

export function u32Bytes(value: number): Uint8Array {
  const out = new Uint8Array(4);
  viewOf(out).setUint32(0, value, true);
  return out;
}

export function u64Bytes(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  setU64(viewOf(bytes), 0, value);
  return bytes;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
export const utf8 = (text: string): Uint8Array => encoder.encode(text);
export const fromUtf8 = (bytes: Uint8Array): string => decoder.decode(bytes);
/** The text before the first NUL. */
export function fromCString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

export const alignDown = (value: number, unit: number): number => value - (value % unit);
export const alignUp = (value: number, unit: number): number => alignDown(value + unit - 1, unit);
