/**
 * /proc/PID/maps: one line per mapping. proc_pid_maps(5); Linux fs/proc/task_mmu.c, show_map_vma. Read inside the
 * freeze for every process, thousands of lines long: one pass, no regular expression, a bigint only per new inode.
 */
import { Cursor, DELETED_SUFFIX } from './text.js';

const FILE = '/proc/PID/maps';
const NEWLINE = 10;
const SPACE = 32;
const DASH = 45;
const COLON = 58;
const OPEN_BRACKET = 91;
// include/uapi/asm-generic/mman-common.h
const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;

export interface Mapping {
  /** First address, and the first one behind. Exact, that of [vsyscall] above 2^53, too. */
  start: number;
  end: number;
  /** PROT_READ | PROT_WRITE | PROT_EXEC. */
  prot: number;
  /** MAP_SHARED at creation; a shared file mapping that can never be written says so, too. */
  shared: boolean;
  /** Where the mapping begins in its file, in bytes. */
  pgoff: number;
  major: number;
  minor: number;
  /** 0n: no file. */
  inode: bigint;
  /** The last column as it is; '' for plain anonymous memory. */
  name: string;
  /** `name` when the kernel's and not a file's: '[heap]' '[stack]' '[vdso]' '[vvar]' '[anon:arena]' '[uprobes]'. */
  label: string | undefined;
  /**
   * The file's path without the mark of `deleted`: '/dev/zero', '/memfd:x', '/SYSV00000000', 'anon_inode:[perf_event]'.
   * Newlines are decoded from `\012`; as backslashes are not escaped here, only a name that holds these four characters
   * reads wrong: the `map_files` link tells.
   */
  path: string | undefined;
  /** `name` ends in ' (deleted)'. If path's inode is there after all, the true name is `${path} (deleted)`. */
  deleted: boolean;
}

/** All mappings in the order of their addresses; [] for a task without memory. */
export function parseMaps(text: string): Mapping[] {
  const cursor = new Cursor(FILE, text);
  const mappings: Mapping[] = [];
  let lastIno = 0;
  let lastInode = 0n;
  while (!cursor.done) {
    const mapping = parseEdges(cursor);
    // Neighbours mostly share their file.
    const at = cursor.at;
    const ino = decimalOrLarge(cursor);
    if (ino < 0) {
      mapping.inode = inodeAt(cursor, at);
    } else {
      if (ino !== lastIno) {
        lastIno = ino;
        lastInode = BigInt(ino);
      }
      mapping.inode = lastInode;
    }
    parseName(cursor, mapping);
    mappings.push(mapping);
  }
  return mappings;
}

/** The columns before the inode, in an object that has all fields already: one hidden class for all mappings. */
function parseEdges(cursor: Cursor): Mapping {
  const start = cursor.hex();
  cursor.expect(DASH);
  const end = cursor.hex();
  cursor.expect(SPACE);
  if (end <= start) cursor.fail();
  const prot =
    letter(cursor, 114, PROT_READ) |
    letter(cursor, 119, PROT_WRITE) |
    letter(cursor, 120, PROT_EXEC);
  const shared = cursor.accept(115);
  if (!shared) cursor.expect(112);
  cursor.expect(SPACE);
  const pgoff = cursor.hex();
  cursor.expect(SPACE);
  const major = cursor.hex();
  cursor.expect(COLON);
  const minor = cursor.hex();
  cursor.expect(SPACE);
  return {
    start,
    end,
    prot,
    shared,
    pgoff,
    major,
    minor,
    inode: 0n,
    name: '',
    label: undefined,
    path: undefined,
    deleted: false,
  };
}

function letter(cursor: Cursor, code: number, bit: number): number {
  if (cursor.accept(code)) return bit;
  cursor.expect(DASH);
  return 0;
}

/** A decimal number, or -1 when it does not fit a number exactly. */
function decimalOrLarge(cursor: Cursor): number {
  const { text } = cursor;
  let at = cursor.at;
  let value = 0;
  for (;;) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
    at++;
  }
  if (at === cursor.at) cursor.fail();
  cursor.at = at;
  return value > Number.MAX_SAFE_INTEGER ? -1 : value;
}

function inodeAt(cursor: Cursor, at: number): bigint {
  cursor.at = at;
  return cursor.decimal64();
}

function parseName(cursor: Cursor, mapping: Mapping): void {
  if (cursor.accept(NEWLINE) || cursor.done) return;
  cursor.expect(SPACE);
  cursor.skipBlanks();
  const name = cursor.restOfLine();
  mapping.name = name;
  if (name === '') return;
  // A file's path begins with '/', '(unreachable)' or the name of its pseudo file system.
  if (name.charCodeAt(0) === OPEN_BRACKET) {
    mapping.label = name;
    return;
  }
  mapping.deleted = name.endsWith(DELETED_SUFFIX);
  const path = mapping.deleted ? name.slice(0, -DELETED_SUFFIX.length) : name;
  mapping.path = path.includes('\\012') ? path.replaceAll('\\012', '\n') : path;
}

/** The name given by prctl(PR_SET_VMA_ANON_NAME): 'arena' of '[anon:arena]' and of '[anon_shmem:arena]'. Linux 5.17. */
export function anonName(mapping: Mapping): string | undefined {
  const { label } = mapping;
  if (label === undefined || !label.endsWith(']')) return undefined;
  if (label.startsWith('[anon:')) return label.slice(6, -1);
  return label.startsWith('[anon_shmem:') ? label.slice(12, -1) : undefined;
}
