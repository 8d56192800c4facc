/**
 * /proc/PID/mountinfo: the mounts of the process's mount namespace that lie below its root
 * directory. proc_pid_mountinfo(5); Linux fs/proc_namespace.c, show_mountinfo. Paths are decoded.
 */
import { Cursor, decodeOctalEscapes, splitLines, unreadable } from './text.js';

const FILE = '/proc/PID/mountinfo';
const SPACE = 32;
const COLON = 58;
const DELETED_ROOT = '//deleted';

export interface Mount {
  mntId: number;
  /** Its own id, or that of a mount not shown, for the mount at the root of the tree. */
  parentId: number;
  major: number;
  minor: number;
  /**
   * The directory of the file system that is mounted; 'net:[4026531840]' of a bound namespace file.
   */
  root: string;
  /** `root` was unlinked after the mount. */
  rootDeleted: boolean;
  /** Where, seen from the process's root directory. */
  mountpoint: string;
  /** Per mount: 'rw' 'nosuid' 'relatime'. */
  options: string[];
  /** Peer group in which the mount shares. */
  shared: number | undefined;
  /** Peer group from which it receives. */
  master: number | undefined;
  /** Nearest dominant peer group below the process's root, when `master` is not. */
  propagateFrom: number | undefined;
  unbindable: boolean;
  /** With its subtype: 'fuse.sshfs'. */
  fstype: string;
  /** 'none' when the file system has no source. */
  source: string;
  /** Of the file system, still escaped: `splitOptions` takes them apart. */
  superOptions: string;
}

export const parseMountinfo = (text: string): Mount[] => splitLines(text).map(parseMount);

function parseMount(line: string): Mount {
  const cursor = new Cursor(FILE, line);
  const mntId = numberAndSpace(cursor);
  const parentId = numberAndSpace(cursor);
  const major = cursor.decimal();
  cursor.expect(COLON);
  const minor = numberAndSpace(cursor);
  // An empty source leaves two spaces, so that splitting by single ones keeps the places.
  const [root, mountpoint, options, ...rest] = line.slice(cursor.at).split(' ');
  const separator = rest.indexOf('-');
  const [fstype, source, superOptions, ...more] = rest.slice(separator + 1);
  if (options === undefined || separator < 0 || superOptions === undefined || more.length > 0) {
    throw unreadable(FILE, line);
  }
  const decodedRoot = decodeOctalEscapes(root ?? '');
  const rootDeleted = decodedRoot.endsWith(DELETED_ROOT);
  return {
    ...{ mntId, parentId, major, minor, rootDeleted, superOptions },
    root: rootDeleted ? decodedRoot.slice(0, -DELETED_ROOT.length) || '/' : decodedRoot,
    mountpoint: decodeOctalEscapes(mountpoint ?? ''),
    options: splitOptions(options),
    ...parsePropagation(rest.slice(0, separator), line),
    fstype: decodeOctalEscapes(fstype ?? ''),
    source: decodeOctalEscapes(source ?? ''),
  };
}

function numberAndSpace(cursor: Cursor): number {
  const value = cursor.decimal();
  cursor.expect(SPACE);
  return value;
}

type Propagation = Pick<Mount, 'shared' | 'master' | 'propagateFrom' | 'unbindable'>;

/**
 * The optional fields. One that is unknown is refused: it would be a kind of propagation that is
 * not put back.
 */
function parsePropagation(fields: readonly string[], line: string): Propagation {
  const propagation: Propagation = {
    ...{ shared: undefined, master: undefined, propagateFrom: undefined, unbindable: false },
  };
  for (const field of fields) {
    if (field.startsWith('shared:')) propagation.shared = group(field, line);
    else if (field.startsWith('master:')) propagation.master = group(field, line);
    else if (field.startsWith('propagate_from:')) propagation.propagateFrom = group(field, line);
    else if (field === 'unbindable') propagation.unbindable = true;
    else throw unreadable(FILE, line);
  }
  return propagation;
}

function group(field: string, line: string): number {
  const cursor = new Cursor(FILE, line, line.indexOf(field) + field.indexOf(':') + 1);
  return cursor.decimal();
}

/**
 * The comma-separated options, each decoded after the split: an escaped comma does not separate.
 */
export const splitOptions = (options: string): string[] =>
  options === '' ? [] : options.split(',').map(decodeOctalEscapes);
