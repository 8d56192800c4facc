/** Files as the host reads and writes them: whole small files of /proc, links, directories, exact writes. */
import { EINTR, ENOENT, ESRCH } from '../linux/errno.js';
import { AT_FDCWD } from '../linux/syscall.js';
import * as sys from '../linux/syscalls/files.js';
import { linux_dirent64, O_CLOEXEC, O_DIRECTORY, O_RDONLY, stat } from '../linux/uapi/fcntl.js';
import { getU64, viewOf } from '../support/bytes.js';
import { decodeText } from '../support/text.js';
import type { Buffer } from './arena.js';
import { type Host, syscallError } from './host.js';

const READ_CHUNK = 64 * 1024;

/** Every byte of a file; throws `gone`/`refused` naming the path. */
export function readBytes(host: Host, path: string): Uint8Array {
  const result = attemptReadBytes(host, path);
  if (typeof result === 'number') throw syscallError('read', -result, `read of '${path}'`);
  return result;
}

export const readText = (host: Host, path: string): string => decodeText(readBytes(host, path));

/** Every byte of a file, or -errno. A file of /proc may answer ESRCH to a read when its task died. */
export function attemptReadBytes(host: Host, path: string): Uint8Array | number {
  const fd = host.attempt(sys.openat, {
    dirfd: AT_FDCWD,
    pathname: path,
    flags: O_RDONLY | O_CLOEXEC,
    mode: 0,
  });
  if (fd < 0) return fd;
  const mark = host.arena.mark;
  const chunk = host.arena.allocUncleared(READ_CHUNK, 16);
  // A file of /proc gives 4 KiB a call: grown by doubling, or thousands of mappings would be copied over and over.
  let whole = new Uint8Array(0);
  let length = 0;
  let failure = 0;
  for (;;) {
    const count = host.attempt(sys.read, { fd, buf: chunk, count: READ_CHUNK });
    if (count === -EINTR) continue;
    if (count < 0) failure = count;
    if (count <= 0) break;
    if (length + count > whole.length) {
      const grown = new Uint8Array(length === 0 ? count : (length + count) * 2);
      grown.set(whole);
      whole = grown;
    }
    whole.set(chunk.bytes.subarray(0, count), length);
    length += count;
  }
  host.arena.release(mark);
  host.attempt(sys.close, { fd });
  return failure < 0 ? failure : whole.subarray(0, length);
}

export function attemptReadText(host: Host, path: string): string | number {
  const bytes = attemptReadBytes(host, path);
  return typeof bytes === 'number' ? bytes : decodeText(bytes);
}

/** A file of /proc about a task; undefined when the task has gone. Nothing else is taken for that. */
export function readIfThere(host: Host, path: string): string | undefined {
  const text = attemptReadText(host, path);
  if (typeof text !== 'number') return text;
  if (text === -ENOENT || text === -ESRCH) return undefined;
  throw syscallError('read', -text, `read of '${path}'`);
}

/** The target of a symbolic link, or -errno. */
export function attemptReadLink(host: Host, path: string): string | number {
  const mark = host.arena.mark;
  const buf = host.arena.allocUncleared(4096);
  const length = host.attempt(sys.readlinkat, {
    dirfd: AT_FDCWD,
    pathname: path,
    buf,
    bufsiz: buf.length,
  });
  const text = length < 0 ? length : decodeText(buf.bytes.subarray(0, length));
  host.arena.release(mark);
  return text;
}

export function readLink(host: Host, path: string): string {
  const target = attemptReadLink(host, path);
  if (typeof target === 'number')
    throw syscallError('readlinkat', -target, `readlink of '${path}'`);
  return target;
}

/** The names in a directory but . and .., or -errno. */
export function attemptReadDir(host: Host, path: string): string[] | number {
  const fd = host.attempt(sys.openat, {
    dirfd: AT_FDCWD,
    pathname: path,
    flags: O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    mode: 0,
  });
  if (fd < 0) return fd;
  const mark = host.arena.mark;
  const buf = host.arena.alloc(READ_CHUNK, 16);
  const names: string[] = [];
  let count = 0;
  for (;;) {
    count = host.attempt(sys.getdents64, { fd, dirp: buf, count: buf.length });
    if (count <= 0) break;
    collectNames(buf.bytes.subarray(0, count), names);
  }
  host.arena.release(mark);
  host.attempt(sys.close, { fd });
  return count < 0 ? count : names;
}

function collectNames(bytes: Uint8Array, names: string[]): void {
  const header = linux_dirent64.size + 1;
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at + 16] ?? 0) + (bytes[at + 17] ?? 0) * 256;
    const name = bytes.subarray(at + header, at + length);
    const text = decodeText(name.subarray(0, name.indexOf(0)));
    if (text !== '.' && text !== '..') names.push(text);
    at += length;
  }
}

export function readDir(host: Host, path: string): string[] {
  const names = attemptReadDir(host, path);
  if (typeof names === 'number') throw syscallError('getdents64', -names, `listing of '${path}'`);
  return names;
}

export interface Stat {
  dev: bigint;
  ino: bigint;
  nlink: bigint;
  mode: number;
  uid: number;
  gid: number;
  rdev: bigint;
  size: number;
}

/** stat(2) of a path (following links), or -errno. */
export function attemptStat(host: Host, path: string, flags = 0): Stat | number {
  const mark = host.arena.mark;
  const statbuf = host.arena.alloc(stat.size);
  const result = host.attempt(sys.newfstatat, { dirfd: AT_FDCWD, pathname: path, statbuf, flags });
  const value = result < 0 ? result : toStat(statbuf);
  host.arena.release(mark);
  return value;
}

export function fstat(host: Host, fd: number): Stat {
  const mark = host.arena.mark;
  const statbuf = host.arena.alloc(stat.size);
  host.call(sys.fstat, { fd, statbuf });
  const value = toStat(statbuf);
  host.arena.release(mark);
  return value;
}

/** Only what is asked for: a tree has thousands of files, and each 64-bit field costs a bigint. */
function toStat({ bytes }: Buffer): Stat {
  const view = viewOf(bytes);
  const at = stat.offsets;
  return {
    dev: view.getBigUint64(at.st_dev, true),
    ino: view.getBigUint64(at.st_ino, true),
    nlink: view.getBigUint64(at.st_nlink, true),
    mode: view.getUint32(at.st_mode, true),
    uid: view.getUint32(at.st_uid, true),
    gid: view.getUint32(at.st_gid, true),
    rdev: view.getBigUint64(at.st_rdev, true),
    size: getU64(view, at.st_size),
  };
}

/** Writes all of `data` at a position, or throws; a short write goes on where it stopped. */
export function pwriteAll(
  host: Host,
  {
    fd,
    data,
    offset,
    name,
  }: { fd: number; data: Buffer | Uint8Array; offset: number; name: string },
): void {
  let done = 0;
  const length = data.length;
  const mark = host.arena.mark;
  const address = data instanceof Uint8Array ? host.arena.store(data) : data.address;
  while (done < length) {
    const count = host.attempt(sys.pwrite64, {
      fd,
      buf: address + done,
      count: length - done,
      offset: offset + done,
    });
    if (count === -EINTR) continue;
    if (count <= 0) throw syscallError('pwrite64', count === 0 ? 5 : -count, `write to '${name}'`);
    done += count;
  }
  host.arena.release(mark);
}

export const isMissing = (result: unknown): boolean => result === -ENOENT;
