/**
 * The targets of links in /proc/PID/fd, map_files, cwd, root and exe, as readlink(2) gives them:
 * nothing is escaped. proc_pid_fd(5); Linux fs/d_path.c, and the d_dname of pipefs, sockfs, nsfs,
 * anon_inodefs.
 */
import { DELETED_SUFFIX } from './text.js';

export type FdLink =
  /**
   * 'pipe:[123]', 'socket:[123]', 'net:[4026531840]': a file of a pseudo file system; `type` is
   * 'pipe' 'socket' 'net'.
   */
  | { kind: 'pseudo'; type: string; inode: bigint }
  /**
   * 'anon_inode:[eventfd]', 'anon_inode:inotify': `name` is what stands behind the colon, with
   * brackets if it has any.
   */
  | { kind: 'anon'; name: string }
  /**
   * '/memfd:NAME (deleted)': memfd_create(2), unless a deleted file in the root directory has just
   * this name.
   */
  | { kind: 'memfd'; name: string }
  /**
   * A path, absolute and without the mark of `deleted`. A true name can end in ' (deleted)', too:
   * if the file is not unlinked, it is `${path} (deleted)`. Also '/SYSV00000000' and '/dev/zero'
   * (shared memory), '/[aio]'.
   */
  | { kind: 'path'; path: string; deleted: boolean }
  /**
   * '(unreachable)/a/b': not below the reader's root directory; `path` is '/a/b', from its own
   * mount's root.
   */
  | { kind: 'unreachable'; path: string; deleted: boolean }
  /** Anything else: of a kernel object that this version does not know. */
  | { kind: 'unknown'; target: string };

const ANON = 'anon_inode:';
const MEMFD = '/memfd:';
const UNREACHABLE = '(unreachable)';

export function parseFdLink(target: string): FdLink {
  if (target.startsWith(ANON)) return { kind: 'anon', name: target.slice(ANON.length) };
  const pseudo = parsePseudoFile(target);
  if (pseudo !== undefined) return { kind: 'pseudo', ...pseudo };
  const deleted = target.endsWith(DELETED_SUFFIX);
  const named = deleted ? target.slice(0, -DELETED_SUFFIX.length) : target;
  if (deleted && named.startsWith(MEMFD)) return { kind: 'memfd', name: named.slice(MEMFD.length) };
  if (named.startsWith('/')) return { kind: 'path', path: named, deleted };
  if (named.startsWith(`${UNREACHABLE}/`)) {
    return { kind: 'unreachable', path: named.slice(UNREACHABLE.length), deleted };
  }
  return { kind: 'unknown', target };
}

/** 'TYPE:[INODE]' taken apart; undefined for any other text. */
export function parsePseudoFile(target: string): { type: string; inode: bigint } | undefined {
  const bracket = target.indexOf(':[');
  if (bracket <= 0 || target.charAt(0) === '/' || !target.endsWith(']')) return undefined;
  const digits = target.slice(bracket + 2, -1);
  if (digits === '') return undefined;
  for (let i = 0; i < digits.length; i++) {
    const code = digits.charCodeAt(i);
    if (code < 48 || code > 57) return undefined;
  }
  return { type: target.slice(0, bracket), inode: BigInt(digits) };
}
