/**
 * /proc/PID/maps: one line per mapping. proc_pid_maps(5); Linux fs/proc/task_mmu.c, show_map_vma.
 * Read inside the freeze for every process, thousands of lines long: one pass, no regular
 * expression, a bigint only per new file.
 */
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../uapi/mman.js';
import { Cursor, DELETED_SUFFIX } from './text.js';

const FILE = '/proc/PID/maps';
const NEWLINE = 10;
const SPACE = 32;
const DASH = 45;
const COLON = 58;
const OPEN_BRACKET = 91;
const LETTER_P = 112;
const LETTER_R = 114;
const LETTER_S = 115;
const LETTER_W = 119;
const LETTER_X = 120;

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
  /**
   * `name` when the kernel's and not a file's: '[heap]' '[stack]' '[vdso]' '[vvar]' '[anon:arena]'
   * '[uprobes]'.
   */
  label: string | undefined;
  /**
   * The file's path without the mark of `deleted`: '/dev/zero', '/memfd:x', '/SYSV00000000',
   * 'anon_inode:[perf_event]'. Newlines are decoded from `\012`; as backslashes are not escaped
   * here, only a name that holds these four characters reads wrong: the `map_files` link tells.
   */
  path: string | undefined;
  /**
   * `name` ends in ' (deleted)'. If path's inode is there after all, the true name is `${path}
   * (deleted)`.
   */
  deleted: boolean;
}

/**
 * What the columns behind the offset say. Neighbours mostly share their file, so it is taken apart
 * once for all.
 */
type Backing = Omit<Mapping, 'start' | 'end' | 'prot' | 'shared' | 'pgoff'>;

/** All mappings in the order of their addresses; [] for a task without memory. */
export function parseMaps(text: string): Mapping[] {
  const cursor = new Cursor(FILE, text);
  const mappings: Mapping[] = [];
  let columns = '';
  let backing: Backing | undefined;
  while (!cursor.done) {
    const mapping = parseEdges(cursor);
    const { at } = cursor;
    if (backing === undefined || !text.startsWith(columns, at)) {
      backing = parseBacking(cursor);
      columns = text.slice(at, cursor.at);
    }
    cursor.at = at + columns.length;
    fill(mapping, backing);
    mappings.push(mapping);
  }
  return mappings;
}

/**
 * The columns before the device, in an object that has all fields already: one hidden class for all
 * mappings.
 */
function parseEdges(cursor: Cursor): Mapping {
  const start = cursor.hex();
  cursor.expect(DASH);
  const end = cursor.hex();
  cursor.expect(SPACE);
  if (end <= start) cursor.fail();
  const prot =
    permission(cursor, LETTER_R, PROT_READ) |
    permission(cursor, LETTER_W, PROT_WRITE) |
    permission(cursor, LETTER_X, PROT_EXEC);
  const shared = cursor.accept(LETTER_S);
  if (!shared) cursor.expect(LETTER_P);
  cursor.expect(SPACE);
  const pgoff = cursor.hex();
  cursor.expect(SPACE);
  return {
    start,
    end,
    prot,
    shared,
    pgoff,
    major: 0,
    minor: 0,
    inode: 0n,
    name: '',
    label: undefined,
    path: undefined,
    deleted: false,
  };
}

function permission(cursor: Cursor, letter: number, bit: number): number {
  if (cursor.accept(letter)) return bit;
  cursor.expect(DASH);
  return 0;
}

function fill(mapping: Mapping, backing: Backing): void {
  mapping.major = backing.major;
  mapping.minor = backing.minor;
  mapping.inode = backing.inode;
  mapping.name = backing.name;
  mapping.label = backing.label;
  mapping.path = backing.path;
  mapping.deleted = backing.deleted;
}

/**
 * Leaves the cursor behind the newline, so that the text passed over ends a line and equals only
 * whole columns.
 */
function parseBacking(cursor: Cursor): Backing {
  const major = cursor.hex();
  cursor.expect(COLON);
  const minor = cursor.hex();
  cursor.expect(SPACE);
  const inode = cursor.decimal64();
  if (!cursor.done && cursor.peek() !== NEWLINE) cursor.expect(SPACE);
  cursor.skipBlanks();
  const name = cursor.restOfLine();
  // A file's path begins with '/', '(unreachable)' or the name of its pseudo file system.
  const label = name.charCodeAt(0) === OPEN_BRACKET ? name : undefined;
  const deleted = label === undefined && name.endsWith(DELETED_SUFFIX);
  const path = label === undefined && name !== '' ? decodePath(name, deleted) : undefined;
  return { major, minor, inode, name, label, path, deleted };
}

function decodePath(name: string, deleted: boolean): string {
  const path = deleted ? name.slice(0, -DELETED_SUFFIX.length) : name;
  return path.includes('\\012') ? path.replaceAll('\\012', '\n') : path;
}

/**
 * The name given by prctl(PR_SET_VMA_ANON_NAME): 'arena' of '[anon:arena]' and of
 * '[anon_shmem:arena]'. Linux 5.17.
 */
export function anonName(mapping: Mapping): string | undefined {
  const { label } = mapping;
  if (label === undefined || !label.endsWith(']')) return undefined;
  if (label.startsWith('[anon:')) return label.slice(6, -1);
  return label.startsWith('[anon_shmem:') ? label.slice(12, -1) : undefined;
}
