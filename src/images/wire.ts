/**
 * Protobuf's wire: tags, varints, lengths, over bytes that may be hostile. Every read checks its bounds and fails with a
 * `WireFault` at a byte offset; the codec adds message, field and file.
 */
import { assert } from '../support/assert.js';
import { splitWord } from '../support/bytes.js';

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

/** What is wrong, and at which byte of the message; only the codec sees it. */
export class WireFault extends Error {
  readonly offset: number;
  constructor(what: string, offset: number) {
    super(what);
    this.offset = offset;
  }
}

const TWO_32 = 0x1_0000_0000;
/** Above 2^53 a double holds multiples of a page exactly. */
const isExact = (low: number, high: number): boolean => high < 0x20_0000 || low % 0x1000 === 0;

export class WireReader {
  readonly bytes: Uint8Array;
  at: number;
  /** Where the innermost message or packed run ends. */
  end: number;
  /** The last varint or fixed64: its two halves, unsigned. */
  private low = 0;
  private high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  private readVarint(): void {
    const { bytes, end } = this;
    const start = this.at;
    let at = start;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw new WireFault('a number is cut off', start);
      const byte = bytes[at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        // The tenth byte has room for one bit.
        if (shift === 63 && bits > 1) throw new WireFault('a number exceeds 64 bits', start);
        this.at = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new WireFault('a number exceeds 64 bits', start);
  }

  /** The next tag: field number times 8, plus the wire type. */
  tag(): number {
    const start = this.at;
    this.readVarint();
    if (this.high !== 0 || this.low < 8) throw new WireFault('a field tag is malformed', start);
    return this.low;
  }

  /** Passes over the next tag if it is this one, in its shortest form of one or two bytes. */
  takeTag(tag: number): boolean {
    const { bytes, at, end } = this;
    if (tag < 0x80) {
      if (at >= end || bytes[at] !== tag) return false;
      this.at = at + 1;
      return true;
    }
    if (tag >= 0x4000 || at + 1 >= end) return false;
    if (bytes[at] !== ((tag & 0x7f) | 0x80) || bytes[at + 1] !== tag >>> 7) return false;
    this.at = at + 2;
    return true;
  }

  uint32(): number {
    this.readVarint();
    return this.low;
  }

  int32(): number {
    this.readVarint();
    return this.low | 0;
  }

  sint32(): number {
    this.readVarint();
    return (this.low >>> 1) ^ -(this.low & 1);
  }

  bool(): boolean {
    this.readVarint();
    return this.low !== 0 || this.high !== 0;
  }

  private wide(): bigint {
    return this.high === 0 ? BigInt(this.low) : (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  uint64(): bigint {
    this.readVarint();
    return this.wide();
  }

  int64(): bigint {
    this.readVarint();
    return BigInt.asIntN(64, this.wide());
  }

  sint64(): bigint {
    this.readVarint();
    const value = this.wide();
    return (value >> 1n) ^ -(value & 1n);
  }

  /** A uint64 as a number. */
  word(): number {
    const start = this.at;
    this.readVarint();
    if (!isExact(this.low, this.high)) {
      throw new WireFault(`0x${this.wide().toString(16)} is no address or length`, start);
    }
    return this.high * TWO_32 + this.low;
  }

  /** A sint64 as a number. */
  signedWord(): number {
    const start = this.at;
    const value = this.sint64();
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      throw new WireFault(`${value} is no descriptor, id or offset`, start);
    }
    return number;
  }

  fixed64(): bigint {
    const { bytes, at } = this;
    this.skipBytes(8, 'a number is cut off');
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
    return view.getBigUint64(0, true);
  }

  /** Reads a length and gives where its content ends. */
  contentEnd(): number {
    const start = this.at;
    this.readVarint();
    const length = this.high * TWO_32 + this.low;
    if (length > this.end - this.at) {
      throw new WireFault(`${length} bytes are announced, ${this.end - this.at} follow`, start);
    }
    return this.at + length;
  }

  private skipBytes(count: number, what: string): void {
    if (count > this.end - this.at) throw new WireFault(what, this.at);
    this.at += count;
  }

  /** Passes over a field's content. */
  skip(tag: number): void {
    const type = tag & 7;
    if (type === VARINT) this.readVarint();
    else if (type === FIXED64) this.skipBytes(8, 'a number is cut off');
    else if (type === LENGTH) this.at = this.contentEnd();
    else if (type === FIXED32) this.skipBytes(4, 'a number is cut off');
    else throw new WireFault(`wire type ${type} does not exist`, this.at);
  }
}

export class WireWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  private reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }

  get length(): number {
    return this.at;
  }

  /** Empty again. */
  reset(): void {
    this.at = 0;
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** An unsigned 64-bit number, given as an integer that a double holds exactly. */
  varint(value: number): void {
    this.reserve(10);
    while (value >= TWO_32) {
      this.bytes[this.at++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    value >>>= 0;
    while (value > 0x7f) {
      this.bytes[this.at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.bytes[this.at++] = value;
  }

  /** A 64-bit word, signed or unsigned. */
  varint64(value: bigint): void {
    let { low, high } = splitWord(value);
    this.reserve(10);
    while (high > 0) {
      this.bytes[this.at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.varint(low);
  }

  /** A signed 32-bit number; negative ones are sign-extended to 64 bits. */
  int32(value: number): void {
    if (value >= 0) this.varint(value);
    else this.varint64(BigInt(value));
  }

  fixed64(value: bigint): void {
    this.reserve(8);
    this.view.setBigUint64(this.at, BigInt.asUintN(64, value), true);
    this.at += 8;
  }

  raw(content: Uint8Array): void {
    this.reserve(content.length);
    this.bytes.set(content, this.at);
    this.at += content.length;
  }

  content(content: Uint8Array): void {
    this.varint(content.length);
    this.raw(content);
  }

  /** Content whose length is known only once it is written: what `end` is to be given. */
  begin(): number {
    this.reserve(1);
    return this.at++;
  }

  end(lengthAt: number): void {
    const length = this.at - lengthAt - 1;
    if (length < 0x80) {
      this.bytes[lengthAt] = length;
      return;
    }
    assert(length < TWO_32, 'A message exceeds 4 GiB');
    const extra = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
    this.reserve(extra);
    this.bytes.copyWithin(lengthAt + 1 + extra, lengthAt + 1, this.at);
    const end = this.at + extra;
    this.at = lengthAt;
    this.varint(length);
    this.at = end;
  }
}
