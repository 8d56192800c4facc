/**
 * Text in images is whatever bytes the kernel gave: mostly UTF-8, but a path may hold anything except NUL. A byte that is
 * not part of valid UTF-8 becomes the lone surrogate U+DC00 + byte and turns back into that byte, so nothing is lost.
 */
import { concat, fromUtf8, utf8 } from './bytes.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONE = 0xdc00;
const ESCAPED = /[\udc80-\udcff]/;

export function decodeText(bytes: Uint8Array, start = 0, end = bytes.length): string {
  // Most text is a short ASCII name: cheaper by hand than by any call.
  if (end - start > SHORT_MAX) return decodeLong(bytes, start, end);
  let text = '';
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return decodeLong(bytes, start, end);
    text += String.fromCharCode(byte);
  }
  return text;
}

const SHORT_MAX = 16;

/** Node's own decoder for buffers: a fifth of the time of TextDecoder; what it cannot decode shows as U+FFFD. */
function decodeLong(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.prototype.utf8Slice.call(bytes, start, end);
  return text.includes('\ufffd') ? decodeEscaped(bytes.subarray(start, end)) : text;
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(LONE + (bytes[at] as number));
      at += 1;
    } else {
      text += strict.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/** How many bytes form one valid character here; 0 when none do. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length === 0 || lead > 0xf4 || at + length > bytes.length) return 0;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

export function encodeText(text: string): Uint8Array {
  // In a well-formed string a low surrogate follows a high one, and then stands for no byte.
  if (!ESCAPED.test(text)) return utf8(text);
  const parts: number[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character.length === 1 && code >= LONE + 0x80 && code <= LONE + 0xff) {
      parts.push(code - LONE);
    } else {
      parts.push(...utf8(character));
    }
  }
  return Uint8Array.from(parts);
}

/** Text for a message to a person: undecodable bytes shown as the replacement character. */
export const printable = (text: string): string => fromUtf8(encodeText(text));

/** A NUL-terminated string, for the kernel. */
export function cString(text: string): Uint8Array {
  const { length } = text;
  const bytes = new Uint8Array(length + 1);
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) return concat([encodeText(text), ZERO]);
    bytes[at] = code;
  }
  return bytes;
}
const ZERO = new Uint8Array(1);
