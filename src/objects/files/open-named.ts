/** Files with a path, as a restore sees them: whether they are as they were, and the steps that open them. */
import { errnoName } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { lseek, openat } from '../../linux/syscalls/files.js';
import {
  __O_TMPFILE,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_TRUNC,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  SEEK_SET,
} from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import type { RestoreObjectOptions } from '../options.js';
import type { KernelPort } from '../ports.js';
import type { RegFileEntry } from '../rebuild-context.js';
import { deviceText, isDevice, savedDevice } from './devices.js';
import { readBuildId } from './named.js';

const TYPE_NAMES = new Map([
  [S_IFREG, 'a regular file'],
  [S_IFDIR, 'a directory'],
  [S_IFCHR, 'a character device'],
  [S_IFBLK, 'a block device'],
  [S_IFIFO, 'a FIFO'],
  [S_IFLNK, 'a symbolic link'],
  [S_IFSOCK, 'a socket'],
]);
const typeName = (mode: number): string => TYPE_NAMES.get(mode & S_IFMT) ?? 'of another type';

const RWX_BITS = 0o777;
/** With set-user-ID, set-group-ID and sticky. */
const MODE_BITS = 0o7777;

/** How the file of this name, or what `path` leads to in its place, differs from the saved one; [] when it does not. */
export function surveyNamed(
  entry: RegFileEntry,
  port: KernelPort,
  { fileValidation, skipFileRwxCheck, path }: RestoreObjectOptions & { path?: string },
): string[] {
  const { name, mode, size, build_id } = entry;
  const rdev = savedDevice(entry);
  const isLink = mode !== undefined && (mode & S_IFMT) === S_IFLNK;
  const found = port.attemptStat(path ?? name, isLink ? AT_SYMLINK_NOFOLLOW : 0);
  if (typeof found === 'number') {
    const evasive = isDevice(mode ?? 0) ? ' (see --evasive-devices)' : '';
    return [`'${name}' is missing (${errnoName(-found)})${evasive}`];
  }
  if (mode !== undefined && ((mode ^ found.mode) & S_IFMT) !== 0) {
    return [`'${name}' is ${typeName(found.mode)}, and was ${typeName(mode)}`];
  }
  if (rdev !== undefined && rdev !== found.rdev) {
    const [now, was] = [deviceText(found.rdev), deviceText(rdev)];
    return [`'${name}' is the device ${now}, and was ${was} (see --evasive-devices)`];
  }
  const compared = skipFileRwxCheck ? MODE_BITS & ~RWX_BITS : MODE_BITS;
  if (mode !== undefined && ((mode ^ found.mode) & compared) !== 0) {
    const [now, was] = [found.mode, mode].map((each) => `0${(each & MODE_BITS).toString(8)}`);
    return [`'${name}' has the mode ${now}, and had ${was} (see --skip-file-rwx-check)`];
  }
  if ((found.mode & S_IFMT) !== S_IFREG) return [];
  if (size !== undefined && size !== found.size) {
    return [`'${name}' has ${found.size} bytes, and had ${size}`];
  }
  if (build_id.length === 0 || fileValidation === 'filesize') return [];
  const now = readBuildId(port, path ?? name);
  if (now === undefined || sameWords(now, build_id)) return [];
  return [`'${name}' is another build: its build-id is not the one it had`];
}

const sameWords = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((word, i) => word === b[i]);

const ONLY_WHEN_OPENING = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC;

/** The flags to open it with again: those that act once, at the first open, are left out. */
export function reopenFlags(flags: number, mode: number | undefined): number {
  const kept = flags & ~ONLY_WHEN_OPENING;
  // A file made by O_TMPFILE (which includes O_DIRECTORY) and linked later: by its name it is a plain file.
  const made = (flags & __O_TMPFILE) !== 0 && ((mode ?? S_IFREG) & S_IFMT) === S_IFREG;
  return (made ? kept & ~(__O_TMPFILE | O_DIRECTORY) : kept) | O_CLOEXEC | O_NOCTTY;
}

/**
 * Opens a file in the current stage of the track; its temporary descriptor. By its name, or through `via`, a descriptor
 * of the track that leads to it.
 */
export function openNamed(
  track: Track,
  { name, mode }: RegFileEntry,
  { flags, via }: { flags: number; via: number | undefined },
): number {
  const reopened = reopenFlags(flags, mode);
  const args =
    via === undefined
      ? { pathname: name, flags: reopened }
      : // The link in /proc is followed, whatever the file is.
        { pathname: `/proc/self/fd/${via}`, flags: reopened & ~O_NOFOLLOW };
  return track.newFd(openat, { dirfd: AT_FDCWD, ...args, mode: 0 }, { object: `file '${name}'` });
}

const POSITIONED = [S_IFREG, S_IFDIR, S_IFBLK];

/** Moves a freshly opened file to its saved position. */
export function seekNamed(
  track: Track,
  fd: number,
  { name, mode, flags, pos }: RegFileEntry,
): void {
  const type = (mode ?? S_IFREG) & S_IFMT;
  // When all that it tells is there: late-steps.ts.
  if (name.startsWith('/proc/')) return;
  // The character devices that are saved have no position, and what is only a path has none either.
  if (pos === 0n || (flags & O_PATH) !== 0 || !POSITIONED.includes(type)) return;
  track.call(
    lseek,
    { fd, offset: pos, whence: SEEK_SET },
    { object: `file '${name}'`, mustEqual: pos },
  );
}
