/** How single values look to a person, and back: flag names, device numbers, addresses, names, base64. */

/** 'PROT_READ | PROT_WRITE | 0x40': names of known bits, the rest in hexadecimal, nothing for none. */
export function printFlags(value: bigint, names: Readonly<Record<string, number>>): string {
  const words: string[] = [];
  let rest = value;
  for (const [name, bit] of Object.entries(names)) {
    const mask = BigInt(bit);
    if (mask === 0n || (value & mask) === 0n) continue;
    words.push(name);
    rest &= ~mask;
  }
  if (rest !== 0n) words.push(`0x${rest.toString(16)}`);
  return words.join(' | ');
}

/** Undefined when a word is neither a name nor a number. */
export function parseFlags(
  text: string,
  names: Readonly<Record<string, number>>,
): bigint | undefined {
  let value = 0n;
  for (const word of text.split('|').map((part) => part.trim())) {
    if (word === '') continue;
    const bit = Object.hasOwn(names, word) ? BigInt(names[word] as number) : parseInteger(word);
    if (bit === undefined) return undefined;
    value |= bit;
  }
  return value;
}

/** An integer, decimal or 0x-hexadecimal. */
export function parseInteger(text: string): bigint | undefined {
  if (!/^(?:-?[0-9]+|0x[0-9a-fA-F]+)$/.test(text)) return undefined;
  return BigInt(text);
}

const MINOR_BITS = 20;

/** major:minor; `stat`: as stat(2) encodes st_rdev in 32 bits, else as the kernel keeps it, major << 20 | minor. */
export function printDevice(device: number, stat: boolean): string {
  if (!stat) return `${device >>> MINOR_BITS}:${device & 0xf_ffff}`;
  return `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xf_ff00)}`;
}

export function parseDevice(text: string, stat: boolean): number | undefined {
  const [, first, second] = /^([0-9]+):([0-9]+)$/.exec(text) ?? [];
  const major = Number(first);
  const minor = Number(second);
  if (!(major <= 0xfff && minor <= 0xf_ffff)) return undefined;
  if (!stat) return ((major << MINOR_BITS) | minor) >>> 0;
  return ((minor & 0xff) | (major << 8) | ((minor & 0xf_ff00) << 12)) >>> 0;
}

/** An address of one (IPv4) or four words (IPv6), each in network byte order. */
export function printAddress(words: readonly number[]): string {
  const bytes = words.flatMap((word) => [
    word & 0xff,
    (word >>> 8) & 0xff,
    (word >>> 16) & 0xff,
    word >>> 24,
  ]);
  return bytes.length === 4 ? bytes.join('.') : printIpv6(bytes);
}

function printIpv6(bytes: readonly number[]): string {
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number),
  );
  const { at, length } = longestZeros(groups);
  const mapped = length === 5 && groups[5] === 0xffff;
  if (at === 0 && (length === 6 || mapped)) {
    return `::${mapped ? 'ffff:' : ''}${bytes.slice(12).join('.')}`;
  }
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, at).join(':')}::${hex.slice(at + length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { at: number; length: number } {
  let best = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
    at += length;
  }
  return best;
}

export function parseAddress(text: string): number[] | undefined {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) return undefined;
  const words: number[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(at, at + 4);
    words.push((a | (b << 8) | (c << 16) | (d << 24)) >>> 0);
  }
  return words;
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^[0-9]{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.map(Number);
}

function parseIpv6(text: string): number[] | undefined {
  const dotted = /^(.*:)([0-9.]+\.[0-9]+)$/.exec(text);
  const tail = dotted ? parseIpv4(dotted[2] as string) : [];
  if (tail === undefined) return undefined;
  const body = dotted ? (dotted[1] as string).replace(/([^:]):$/, '$1') : text;
  const halves = body.split('::');
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2 || !groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)))
    return undefined;
  const [head = [], rest = []] = groups.map((half) =>
    half.flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
  const missing = 16 - head.length - rest.length - tail.length;
  if (missing < 0 || (halves.length === 1 && missing > 0)) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...rest, ...tail];
}

const QUOTED_LINE_MAX = 76;

/** Quoted-printable, in lines of at most 76: how the names of unix sockets look. */
export function printQuoted(bytes: Uint8Array): string {
  let out = '';
  let column = 0;
  const put = (text: string, breakAt: number) => {
    if (column + breakAt >= QUOTED_LINE_MAX) {
      out += '=\n';
      column = 0;
    }
    out += text;
    column += text.length;
  };
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const next = bytes[at + 1];
    if (byte === 0x0a) {
      out += '\n';
      column = 0;
    } else if (needsQuote(byte, next, column)) {
      put(`=${byte.toString(16).toUpperCase().padStart(2, '0')}`, 3);
    } else {
      put(String.fromCharCode(byte), next === undefined || next === 0x0a ? 0 : 1);
    }
  }
  return out;
}

function needsQuote(byte: number, next: number | undefined, column: number): boolean {
  const endsLine = next === undefined || next === 0x0a;
  if (byte === 0x20 || byte === 0x09) return endsLine;
  if (byte === 0x0d) return next === 0x0a;
  if (byte === 0x2e) return column === 0 && (endsLine || next === 0x0d || next === 0);
  return byte < 0x21 || byte > 0x7e || byte === 0x3d;
}

/** Undefined when the text is not quoted-printable. */
export function parseQuoted(text: string): Uint8Array | undefined {
  if (/[^\0-\x7f]|=(?![0-9A-Fa-f]{2}|\r?\n)/.test(text)) return undefined;
  const joined = text.replace(/=\r?\n/g, '');
  const bytes: number[] = [];
  for (let at = 0; at < joined.length; at++) {
    if (joined[at] === '=') {
      bytes.push(Number.parseInt(joined.slice(at + 1, at + 3), 16));
      at += 2;
    } else {
      bytes.push(joined.charCodeAt(at));
    }
  }
  return Uint8Array.from(bytes);
}

/** In lines of 76, each ended; nothing for nothing. */
export const printBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('base64')
    .replace(/.{1,76}/g, '$&\n');

export function parseBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s+/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined;
  return Uint8Array.from(Buffer.from(compact, 'base64'));
}
