/**
 * What the /proc parsers share: a cursor that reads one field after another without regular
 * expressions, and the one refusal for text that is not as expected. Used inside the freeze: no
 * allocation but for what is returned.
 */
import { type CheckpointError, refused } from '../../support/errors.js';

const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const MINUS = 45;
const ZERO = 48;
const QUOTED_MAX = 200;

/** The refusal for a line of `file` ('/proc/PID/maps') that this version does not understand. */
export function unreadable(file: string, line: string): CheckpointError {
  const shown = line.length > QUOTED_MAX ? `${line.slice(0, QUOTED_MAX)}...` : line;
  return refused(`${file} has a line that cannot be read: ${JSON.stringify(shown)}`);
}

/**
 * Reads a /proc text from left to right. Every method refuses, by quoting the line, what it cannot
 * read.
 */
export class Cursor {
  readonly file: string;
  readonly text: string;
  at: number;

  constructor(file: string, text: string, at = 0) {
    this.file = file;
    this.text = text;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** The code of the next character, NaN at the end. */
  peek(): number {
    return this.text.charCodeAt(this.at);
  }

  /** Consumes this one character. */
  expect(code: number): void {
    if (this.text.charCodeAt(this.at) !== code) this.fail();
    this.at++;
  }

  /** Consumes this one character if it is next. */
  accept(code: number): boolean {
    if (this.text.charCodeAt(this.at) !== code) return false;
    this.at++;
    return true;
  }

  /** An unsigned decimal number up to 2^53. */
  decimal(): number {
    const { text } = this;
    const from = this.at;
    let at = from;
    let value = 0;
    for (;;) {
      const digit = text.charCodeAt(at) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      at++;
    }
    this.at = at;
    if (at === from || value > Number.MAX_SAFE_INTEGER) this.fail();
    return value;
  }

  /** A decimal number that may be negative, up to 2^53 either way. */
  signed(): number {
    return this.accept(MINUS) ? 0 - this.decimal() : this.decimal();
  }

  /**
   * A lower-case hexadecimal number: up to 2^53, or up to 2^64 when it is page-aligned and so exact
   * in a double.
   */
  hex(): number {
    const { text } = this;
    const from = this.at;
    let at = from;
    let value = 0;
    for (;;) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      value = value * 16 + digit;
      at++;
    }
    this.at = at;
    if (at === from) this.fail();
    if (value > Number.MAX_SAFE_INTEGER && !(at - from <= 16 && text.endsWith('000', at)))
      this.fail();
    return value;
  }

  octal(): number {
    const from = this.at;
    let value = 0;
    for (;;) {
      const digit = this.text.charCodeAt(this.at) - ZERO;
      if (!(digit >= 0 && digit <= 7)) break;
      value = value * 8 + digit;
      this.at++;
    }
    if (this.at === from || value > Number.MAX_SAFE_INTEGER) this.fail();
    return value;
  }

  /** The raw 64-bit word written in hexadecimal, with or without 0x. */
  hex64(): bigint {
    return this.big('0x', this.text.startsWith('0x', this.at) ? this.at + 2 : this.at);
  }

  /** The raw 64-bit word written in decimal. */
  decimal64(): bigint {
    return this.big('', this.at);
  }

  private big(prefix: string, from: number): bigint {
    const { text } = this;
    let at = from;
    while (prefix === '' ? isDigit(text.charCodeAt(at)) : hexDigit(text.charCodeAt(at)) >= 0) at++;
    if (at === from) this.fail();
    const value = BigInt(prefix + text.slice(from, at));
    if (value > 0xffff_ffff_ffff_ffffn) this.fail();
    this.at = at;
    return value;
  }

  /** The characters up to the next space, tab, newline or the end; at least one. */
  word(): string {
    const { text } = this;
    const from = this.at;
    let at = from;
    while (at < text.length && !isBlank(text.charCodeAt(at))) at++;
    if (at === from) this.fail();
    this.at = at;
    return text.slice(from, at);
  }

  /** Moves over spaces and tabs. */
  skipBlanks(): void {
    const { text } = this;
    let at = this.at;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== SPACE && code !== TAB) break;
      at++;
    }
    this.at = at;
  }

  /** What is left of the line; moves behind its newline. */
  restOfLine(): string {
    const newline = this.text.indexOf('\n', this.at);
    const end = newline < 0 ? this.text.length : newline;
    const rest = this.text.slice(this.at, end);
    this.at = end + 1;
    return rest;
  }

  /** The line must be over here; moves behind its newline. */
  endOfLine(): void {
    if (this.at < this.text.length) this.expect(NEWLINE);
  }

  fail(): never {
    const from = this.text.lastIndexOf('\n', Math.max(this.at - 1, 0)) + 1;
    const newline = this.text.indexOf('\n', this.at);
    throw unreadable(this.file, this.text.slice(from, newline < 0 ? this.text.length : newline));
  }
}

/** The value of a lower-case hexadecimal digit, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isBlank = (code: number): boolean => code === SPACE || code === TAB || code === NEWLINE;

/** The lines without their newlines; a last line without one counts, too. */
export function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/**
 * Undoes mangle_path (Linux fs/seq_file.c): `\040` and its like stand for one character. Only for
 * files whose list of escaped characters has the backslash in it, as mountinfo's: else the text is
 * ambiguous.
 */
export function decodeOctalEscapes(text: string): string {
  let at = text.indexOf('\\');
  if (at < 0) return text;
  let out = '';
  let from = 0;
  for (; at >= 0; at = text.indexOf('\\', at + 1)) {
    const code = octalTriple(text, at + 1);
    if (code < 0) continue;
    out += text.slice(from, at) + String.fromCharCode(code);
    from = at + 4;
    at += 3;
  }
  return out + text.slice(from);
}

function octalTriple(text: string, at: number): number {
  let value = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 7)) return -1;
    value = value * 8 + digit;
  }
  return value < 128 ? value : -1;
}

/** What the kernel writes behind the path of a file without a name. A true name may end so, too. */
export const DELETED_SUFFIX = ' (deleted)';
