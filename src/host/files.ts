/** Files as the host reads and writes them: whole small files of /proc, links, directories, exact writes. */
import { EINTR, ENOENT, ESRCH } from '../linux/errno.js';
import { AT_FDCWD, type Place } from '../linux/syscall.js';
import * as sys from '../linux/syscalls/files.js';
import { linux_dirent64, O_CLOEXEC, O_DIRECTORY, O_RDONLY, stat } from '../linux/uapi/fcntl.js';
import { getU64 } from '../support/bytes.js';
import { decodeText } from '../support/text.js';
import type { Arena, Buffer } from './arena.js';
import { type Host, syscallError } from './host.js';

const READ_CHUNK = 64 * 1024;
/** linux/limits.h */
const PATH_MAX = 4096;

/** Every byte of a file; throws `gone`/`refused` naming the path. */
export function readBytes(host: Host, path: string): Uint8Array {
  const result = attemptReadBytes(host, path);
  if (typeof result === 'number') throw syscallError('read', -result, `read of '${path}'`);
  return result;
}

export function readText(host: Host, path: string): string {
  const result = attemptReadText(host, path);
  if (typeof result === 'number') throw syscallError('read', -result, `read of '${path}'`);
  return result;
}

/** Every byte of a file, or -errno. A file of /proc may answer ESRCH to a read when its task died. */
export const attemptReadBytes = (host: Host, path: string): Uint8Array | number =>
  attemptRead(host, path, (bytes) => bytes.slice());

export const attemptReadText = (host: Host, path: string): string | number =>
  attemptRead(host, path, (bytes) => decodeText(bytes));

/** `take` gets bytes that are gone afterwards. */
function attemptRead<T>(host: Host, path: string, take: (bytes: Uint8Array) => T): T | number {
  const fd = host.attempt(sys.openat, {
    dirfd: AT_FDCWD,
    pathname: path,
    flags: O_RDONLY | O_CLOEXEC,
    mode: 0,
  });
  if (fd < 0) return fd;
  const mark = host.arena.mark;
  const chunk = host.arena.reserve(READ_CHUNK, 16);
  const filled = readUpTo(host, fd, { address: chunk, length: READ_CHUNK });
  const result =
    filled < 0
      ? filled
      : filled < READ_CHUNK
        ? take(host.arena.slice(chunk, filled))
        : attemptReadLong(host, fd, { address: chunk, length: READ_CHUNK }, take);
  host.arena.release(mark);
  host.attemptWords(sys.close, [fd]);
  return result;
}

/** Reads until the place is full or the file ends: how many bytes, or -errno. A file of /proc gives 4 KiB a call. */
function readUpTo(host: Host, fd: number, { address, length }: Place): number {
  let filled = 0;
  while (filled < length) {
    const count = host.attemptWords(sys.read, [fd, address + filled, length - filled]);
    if (count === -EINTR) continue;
    if (count < 0) return count;
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** The chunk is full, and more is to come. Grown by doubling: thousands of mappings would be copied over and over. */
function attemptReadLong<T>(
  host: Host,
  fd: number,
  chunk: Place,
  take: (bytes: Uint8Array) => T,
): T | number {
  let whole = new Uint8Array(chunk.length * 4);
  let length = 0;
  let filled = chunk.length;
  while (filled > 0) {
    if (length + filled > whole.length) {
      const grown = new Uint8Array((length + filled) * 2);
      grown.set(whole);
      whole = grown;
    }
    whole.set(host.arena.slice(chunk.address, filled), length);
    length += filled;
    filled = readUpTo(host, fd, chunk);
  }
  return filled < 0 ? filled : take(whole.subarray(0, length));
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
  const buf = host.arena.reserve(PATH_MAX);
  const length = host.attempt(sys.readlinkat, {
    dirfd: AT_FDCWD,
    pathname: path,
    buf,
    bufsiz: PATH_MAX,
  });
  const text = length < 0 ? length : decodeText(host.arena.slice(buf, length));
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
  const buf = host.arena.allocUncleared(READ_CHUNK, 16);
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
  const statbuf = host.arena.reserve(stat.size);
  const result = host.attempt(sys.newfstatat, { dirfd: AT_FDCWD, pathname: path, statbuf, flags });
  const value = result < 0 ? result : toStat(host.arena, statbuf);
  host.arena.release(mark);
  return value;
}

export function fstat(host: Host, fd: number): Stat {
  const mark = host.arena.mark;
  const statbuf = host.arena.reserve(stat.size);
  host.callWords(sys.fstat, [fd, statbuf]);
  const value = toStat(host.arena, statbuf);
  host.arena.release(mark);
  return value;
}

const at = stat.offsets;

/** Only what is asked for: a tree has thousands of files, and each 64-bit field costs a bigint. */
function toStat(arena: Arena, address: number): Stat {
  const { view } = arena;
  const start = arena.at(address);
  return {
    dev: view.getBigUint64(start + at.st_dev, true),
    ino: view.getBigUint64(start + at.st_ino, true),
    nlink: view.getBigUint64(start + at.st_nlink, true),
    mode: view.getUint32(start + at.st_mode, true),
    uid: view.getUint32(start + at.st_uid, true),
    gid: view.getUint32(start + at.st_gid, true),
    rdev: view.getBigUint64(start + at.st_rdev, true),
    size: getU64(view, start + at.st_size),
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
