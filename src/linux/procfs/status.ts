/**
 * /proc/PID/status and /proc/PID/task/TID/status: credentials, signal sets, ids in nested pid
 * namespaces. proc_pid_status(5); Linux fs/proc/array.c, proc_pid_status. Ids are those of the
 * reader's user and pid namespaces. A line that an older kernel, or a task without memory (a
 * zombie, a kernel thread), does not have gives undefined.
 */
import { Cursor, unreadable } from './text.js';

const FILE = '/proc/PID/status';
const NEWLINE = 10;
const SLASH = 47;

/** real, effective, saved, file system */
export type Ids = readonly [number, number, number, number];

export interface Status {
  /** comm, unescaped. */
  Name: string;
  /** One letter: R S D T t Z X I P. */
  State: string;
  Tgid: number;
  Pid: number;
  PPid: number;
  TracerPid: number;
  Uid: Ids;
  Gid: Ids;
  Groups: number[];
  /** Size of the descriptor table: no descriptor is as high; 0 for a zombie. */
  FDSize: number;
  /** Linux 4.7; a zombie has none. */
  Umask: number | undefined;
  // The ids in each pid namespace, from the reader's to the task's own. Linux 4.1.
  NStgid: number[] | undefined;
  NSpid: number[] | undefined;
  NSpgid: number[] | undefined;
  NSsid: number[] | undefined;
  Threads: number;
  /** Queued signals of the task's real user, and RLIMIT_SIGPENDING (undefined: unlimited). */
  SigQ: { queued: number; limit: number | undefined };
  SigPnd: bigint;
  ShdPnd: bigint;
  SigBlk: bigint;
  SigIgn: bigint;
  SigCgt: bigint;
  CapInh: bigint;
  CapPrm: bigint;
  CapEff: bigint;
  CapBnd: bigint;
  CapAmb: bigint;
  /** Linux 4.10. */
  NoNewPrivs: boolean | undefined;
  /** SECCOMP_MODE_*; undefined on a kernel without seccomp. */
  Seccomp: number | undefined;
  /** Linux 5.9. */
  Seccomp_filters: number | undefined;
  /** Linux 4.15. */
  CoreDumping: boolean | undefined;
  /** Linux 5.0. */
  THP_enabled: boolean | undefined;
  /** Linux 6.11. */
  Kthread: boolean | undefined;
  /** Linear address masking; Linux 6.4. */
  untag_mask: bigint | undefined;
  /** 'shstk' 'wrss'; Linux 6.6 with shadow stacks. */
  x86_Thread_features: string[] | undefined;
  x86_Thread_features_locked: string[] | undefined;
  /**
   * In words, as prctl(PR_GET_SPECULATION_CTRL) in numbers: 'vulnerable', 'thread force mitigated';
   * Linux 4.17.
   */
  Speculation_Store_Bypass: string | undefined;
  /** 'always enabled', 'conditional force disabled'; Linux 5.10. */
  SpeculationIndirectBranch: string | undefined;
}

// One literal: objects put together by spreading cost ten times as much, and this is read for every
// thread.
export function parseStatus(text: string): Status {
  const lines = new StatusLines(text);
  return {
    Name: unescapeName(lines.required('Name', rest)),
    Umask: lines.optional('Umask', octal),
    State: lines.required('State', letter),
    Tgid: lines.required('Tgid', decimal),
    Pid: lines.required('Pid', decimal),
    PPid: lines.required('PPid', decimal),
    TracerPid: lines.required('TracerPid', decimal),
    Uid: lines.required('Uid', fourIds),
    Gid: lines.required('Gid', fourIds),
    FDSize: lines.required('FDSize', decimal),
    Groups: lines.required('Groups', decimals),
    NStgid: lines.optional('NStgid', decimals),
    NSpid: lines.optional('NSpid', decimals),
    NSpgid: lines.optional('NSpgid', decimals),
    NSsid: lines.optional('NSsid', decimals),
    Kthread: lines.optional('Kthread', flag),
    CoreDumping: lines.optional('CoreDumping', flag),
    THP_enabled: lines.optional('THP_enabled', flag),
    untag_mask: lines.optional('untag_mask', hex64),
    Threads: lines.required('Threads', decimal),
    SigQ: lines.required('SigQ', queue),
    SigPnd: lines.required('SigPnd', hex64),
    ShdPnd: lines.required('ShdPnd', hex64),
    SigBlk: lines.required('SigBlk', hex64),
    SigIgn: lines.required('SigIgn', hex64),
    SigCgt: lines.required('SigCgt', hex64),
    CapInh: lines.required('CapInh', hex64),
    CapPrm: lines.required('CapPrm', hex64),
    CapEff: lines.required('CapEff', hex64),
    CapBnd: lines.required('CapBnd', hex64),
    CapAmb: lines.required('CapAmb', hex64),
    NoNewPrivs: lines.optional('NoNewPrivs', flag),
    Seccomp: lines.optional('Seccomp', decimal),
    Seccomp_filters: lines.optional('Seccomp_filters', decimal),
    Speculation_Store_Bypass: lines.optional('Speculation_Store_Bypass', rest),
    SpeculationIndirectBranch: lines.optional('SpeculationIndirectBranch', rest),
    x86_Thread_features: lines.optional('x86_Thread_features', words),
    x86_Thread_features_locked: lines.optional('x86_Thread_features_locked', words),
  };
}

/**
 * The lines by name. Newlines in the task's own name are escaped, so no line can be forged by it.
 */
class StatusLines {
  private readonly cursor: Cursor;
  /** Where each line's value begins. */
  private readonly values = new Map<string, number>();

  constructor(text: string) {
    this.cursor = new Cursor(FILE, text);
    for (let at = 0; at < text.length; ) {
      const colon = text.indexOf(':', at);
      if (colon < 0) break;
      this.values.set(text.slice(at, colon), colon + 1);
      const newline = text.indexOf('\n', colon);
      at = newline < 0 ? text.length : newline + 1;
    }
  }

  optional<T>(name: string, read: (cursor: Cursor) => T): T | undefined {
    const at = this.values.get(name);
    if (at === undefined) return undefined;
    const { cursor } = this;
    cursor.at = at;
    cursor.skipBlanks();
    const value = read(cursor);
    if (!cursor.done && cursor.peek() !== NEWLINE) cursor.fail();
    return value;
  }

  required<T>(name: string, read: (cursor: Cursor) => T): T {
    const value = this.optional(name, read);
    if (value === undefined) throw unreadable(FILE, `(no ${name})`);
    return value;
  }
}

const decimal = (cursor: Cursor): number => cursor.decimal();
const octal = (cursor: Cursor): number => cursor.octal();
const hex64 = (cursor: Cursor): bigint => cursor.hex64();

function flag(cursor: Cursor): boolean {
  const value = cursor.decimal();
  if (value > 1) cursor.fail();
  return value === 1;
}

/** The line to its end; leaves the cursor on the newline. */
function rest(cursor: Cursor): string {
  const value = cursor.restOfLine();
  cursor.at--;
  return value;
}

function letter(cursor: Cursor): string {
  const word = cursor.word();
  if (word.length !== 1) cursor.fail();
  rest(cursor);
  return word;
}

function decimals(cursor: Cursor): number[] {
  const values: number[] = [];
  for (;;) {
    cursor.skipBlanks();
    if (cursor.done || cursor.peek() === NEWLINE) return values;
    values.push(cursor.decimal());
  }
}

function fourIds(cursor: Cursor): Ids {
  const [real, effective, saved, fs, ...more] = decimals(cursor);
  if (real === undefined || effective === undefined || saved === undefined) return cursor.fail();
  if (fs === undefined || more.length > 0) return cursor.fail();
  return [real, effective, saved, fs];
}

const words = (cursor: Cursor): string[] => rest(cursor).split(' ').filter(Boolean);

function queue(cursor: Cursor): Status['SigQ'] {
  const queued = cursor.decimal();
  cursor.expect(SLASH);
  const limit = cursor.decimal64();
  return { queued, limit: limit === 0xffff_ffff_ffff_ffffn ? undefined : Number(limit) };
}

/** Newline and backslash, and nothing else, are escaped in Name. */
function unescapeName(name: string): string {
  if (!name.includes('\\')) return name;
  let out = '';
  for (let at = 0; at < name.length; at++) {
    if (name[at] !== '\\') out += name[at];
    else out += name[++at] === 'n' ? '\n' : '\\';
  }
  return out;
}
