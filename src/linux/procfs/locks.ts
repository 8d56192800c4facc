/**
 * /proc/locks, and the 'lock:' lines of fdinfo, which look the same: file locks held and waited
 * for. proc_locks(5); Linux fs/locks.c, lock_get_status. Locks of processes outside the reader's
 * pid namespace are hidden.
 */
import { Cursor, splitLines, unreadable } from './text.js';

const FILE = '/proc/locks';
const COLON = 58;
const GREATER = 62;

export const LOCK_KINDS = [
  'POSIX',
  'OFDLCK',
  'ACCESS',
  'FLOCK',
  'LEASE',
  'DELEG',
  'UNKNOWN',
] as const;
export type LockKind = (typeof LOCK_KINDS)[number];
const ACCESSES = ['READ', 'WRITE', 'UNLCK', 'NONE', 'RW'] as const;

export interface FileLock {
  /** Number in the list; one who waits has the number of the lock that it waits for. */
  id: number;
  /** Waits, instead of holding. */
  blocked: boolean;
  /**
   * POSIX: fcntl(F_SETLK); OFDLCK: of an open file description; FLOCK: flock(2); LEASE, DELEG:
   * fcntl(F_SETLEASE).
   */
  kind: LockKind;
  /** 'ADVISORY' 'MANDATORY' (until Linux 5.15); of leases 'ACTIVE' 'BREAKING' 'BREAKER'. */
  mode: string;
  access: (typeof ACCESSES)[number];
  /** In the reader's pid namespace; -1 for OFDLCK and for locks of a remote file system. */
  pid: number;
  /** undefined when the lock has no inode any more. */
  file: { major: number; minor: number; inode: bigint } | undefined;
  /** First byte, and last byte; undefined: to the end of the file, however long it gets. */
  start: number;
  end: number | undefined;
}

export const parseLocks = (text: string): FileLock[] => splitLines(text).map(parseLock);

/** One line of /proc/locks, or the value of one 'lock:' line of fdinfo. */
export function parseLock(line: string): FileLock {
  const cursor = new Cursor(FILE, line);
  const id = cursor.decimal();
  cursor.expect(COLON);
  cursor.skipBlanks();
  const blocked = line.startsWith('->', cursor.at);
  if (blocked) {
    cursor.at++;
    cursor.expect(GREATER);
    cursor.skipBlanks();
  }
  const kind = oneOf(cursor, LOCK_KINDS);
  const mode = cursor.word();
  cursor.skipBlanks();
  const access = oneOf(cursor, ACCESSES);
  const pid = cursor.signed();
  cursor.skipBlanks();
  const file = parseInode(cursor);
  cursor.skipBlanks();
  const start = cursor.decimal();
  cursor.skipBlanks();
  const end = line.startsWith('EOF', cursor.at) ? undefined : cursor.decimal();
  if (end === undefined) cursor.at += 'EOF'.length;
  cursor.endOfLine();
  return { id, blocked, kind, mode, access, pid, file, start, end };
}

function oneOf<T extends string>(cursor: Cursor, words: readonly T[]): T {
  const word = cursor.word();
  const known = words.find((each) => each === word);
  if (known === undefined) throw unreadable(FILE, cursor.text);
  cursor.skipBlanks();
  return known;
}

/** 'fe:00:2149652', in hexadecimal but for the inode; '<none>:0'. */
function parseInode(cursor: Cursor): FileLock['file'] {
  if (cursor.text.startsWith('<none>:0', cursor.at)) {
    cursor.at += '<none>:0'.length;
    return undefined;
  }
  const major = cursor.hex();
  cursor.expect(COLON);
  const minor = cursor.hex();
  cursor.expect(COLON);
  return { major, minor, inode: cursor.decimal64() };
}
