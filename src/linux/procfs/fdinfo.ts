/**
 * /proc/PID/fdinfo/FD: what every open file description has (pos, flags, mnt_id, ino), and a lookup
 * for the lines that each kind of object adds. proc_pid_fdinfo(5); Linux fs/proc/fd.c, seq_show,
 * and the show_fdinfo of each object. Nothing is searched before it is asked for: an epoll may have
 * a line for each of a thousand descriptors.
 */
import { refused } from '../../support/errors.js';
import { Cursor, splitLines, unreadable } from './text.js';

const FILE = '/proc/PID/fdinfo';
const NEWLINE = 10;
const MINUS = 45;
const COLON = 58;

/**
 * Named values. dec, hex, oct and text refuse, by name, one that is not there: what an older kernel
 * does not write is asked for with `has` first, or with `flag`, which says undefined then.
 */
export abstract class NamedValues {
  /** The first value of this name as it stands in the file, without the blanks around it. */
  abstract find(name: string): string | undefined;

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  text(name: string): string {
    const value = this.find(name);
    if (value === undefined) throw refused(`${FILE} has no "${name}"`);
    return value;
  }

  /** A decimal number, negative too. */
  dec(name: string): number {
    return this.whole(name, (cursor) => cursor.signed());
  }

  /** A raw 64-bit word written in decimal. */
  dec64(name: string): bigint {
    return this.whole(name, (cursor) => cursor.decimal64());
  }

  /** A raw 64-bit word written in decimal, which may be negative. */
  signed64(name: string): bigint {
    return this.whole(name, (cursor) =>
      cursor.accept(MINUS) ? -cursor.decimal64() : cursor.decimal64(),
    );
  }

  /** A hexadecimal number up to 2^53. */
  hex(name: string): number {
    return this.whole(name, (cursor) => cursor.hex());
  }

  /** A raw 64-bit word written in hexadecimal. */
  hex64(name: string): bigint {
    return this.whole(name, (cursor) => cursor.hex64());
  }

  oct(name: string): number {
    return this.whole(name, (cursor) => cursor.octal());
  }

  /** 1 or 0; undefined on a kernel that does not write the line. */
  flag(name: string): boolean | undefined {
    if (!this.has(name)) return undefined;
    const value = this.dec(name);
    if (value !== 0 && value !== 1) throw unreadable(FILE, `${name}: ${value}`);
    return value === 1;
  }

  private whole<T>(name: string, read: (cursor: Cursor) => T): T {
    const line = `${name}: ${this.text(name)}`;
    const cursor = new Cursor(FILE, line, name.length + 2);
    const value = read(cursor);
    if (!cursor.done) cursor.fail();
    return value;
  }
}

/**
 * A parsed fdinfo; names are what stands before the first colon of a line: 'tfd', 'inotify wd',
 * 'settime flags'.
 */
export class Fdinfo extends NamedValues {
  private readonly source: string;
  /** File position in bytes; of a directory a raw word of its file system: ext4 ends at 2^63 - 1. */
  readonly pos: bigint;
  /** O_*: access mode and status, as open(2) and F_SETFL left them, and this descriptor's O_CLOEXEC. */
  readonly flags: number;
  readonly mnt_id: number;
  /** Linux 5.14; undefined before. */
  readonly ino: bigint | undefined;
  /** Descriptors in flight in a UNIX socket; Linux 5.6, undefined before and for other objects. */
  readonly scm_fds: number | undefined;

  constructor(text: string) {
    super();
    this.source = text;
    this.pos = this.lineOf('pos', (cursor) =>
      cursor.accept(MINUS) ? -cursor.decimal64() : cursor.decimal64(),
    );
    this.flags = this.lineOf('flags', (cursor) => cursor.octal());
    this.mnt_id = this.lineOf('mnt_id', (cursor) => cursor.signed());
    this.ino = this.has('ino') ? this.lineOf('ino', (cursor) => cursor.decimal64()) : undefined;
    this.scm_fds = this.has('scm_fds') ? this.dec('scm_fds') : undefined;
  }

  /** A number that is a line's whole value, read in place: four of them for every open file. */
  private lineOf<T>(name: string, read: (cursor: Cursor) => T): T {
    const at = this.valueAt(name, 0);
    if (at < 0) throw refused(`${FILE} has no "${name}"`);
    const cursor = new Cursor(FILE, this.source, at);
    cursor.skipBlanks();
    const value = read(cursor);
    cursor.skipBlanks();
    cursor.endOfLine();
    return value;
  }

  override has(name: string): boolean {
    return this.valueAt(name, 0) >= 0;
  }

  find(name: string): string | undefined {
    const at = this.valueAt(name, 0);
    return at < 0 ? undefined : this.source.slice(at, this.lineEnd(at)).trim();
  }

  /** The values of all lines of this name, in order. */
  all(name: string): string[] {
    const { source } = this;
    const values: string[] = [];
    for (let at = this.valueAt(name, 0); at >= 0; at = this.valueAt(name, at)) {
      values.push(source.slice(at, this.lineEnd(at)).trim());
    }
    return values;
  }

  /**
   * All lines of this name, each taken apart as 'name:value name: value ...'. The first name is the
   * last word before its colon: of 'inotify wd:1 ino:3f7e8' they are wd and ino, of 'tfd: 3 events:
   * 19' tfd and events.
   */
  records(name: string): FdinfoRecord[] {
    return this.all(name).map(
      (rest) => new FdinfoRecord(`${name.slice(name.lastIndexOf(' ') + 1)}:${rest}`),
    );
  }

  /** All lines that begin with this word, in order, without it: the marks of fanotify are of several kinds. */
  recordsOf(word: string): FdinfoRecord[] {
    const start = `${word} `;
    const lines = splitLines(this.source).filter((line) => line.startsWith(start));
    return lines.map((line) => new FdinfoRecord(line.slice(start.length)));
  }

  /** Where the value of the next such line from `from` on begins, or -1. */
  private valueAt(name: string, from: number): number {
    const { source } = this;
    const { length } = name;
    if (from === 0 && source.startsWith(name) && source.charCodeAt(length) === COLON) {
      return length + 1;
    }
    const found = source.indexOf(`\n${name}:`, from);
    return found < 0 ? -1 : found + length + 2;
  }

  private lineEnd(at: number): number {
    const newline = this.source.indexOf('\n', at);
    return newline < 0 ? this.source.length : newline;
  }
}

/** One line of several values: an epoll target, an inotify or fanotify mark. */
export class FdinfoRecord extends NamedValues {
  private readonly values = new Map<string, string>();

  constructor(line: string) {
    super();
    const cursor = new Cursor(FILE, line);
    while (!cursor.done) {
      const colon = line.indexOf(':', cursor.at);
      if (colon < 0) cursor.fail();
      const name = line.slice(cursor.at, colon);
      cursor.at = colon + 1;
      cursor.skipBlanks();
      if (cursor.done || cursor.peek() === NEWLINE) cursor.fail();
      this.values.set(name, cursor.word());
      cursor.skipBlanks();
    }
  }

  find(name: string): string | undefined {
    return this.values.get(name);
  }
}

export const parseFdinfo = (text: string): Fdinfo => new Fdinfo(text);
