/**
 * Ghost files, in a dump: files that have no name any more and live on because somebody has them open, mapped or as
 * a directory. What is observed becomes ghost-file-ID.img: owner, mode, times; then the content, whole or, of a file
 * with holes, in chunks. The content streams from the frozen task when the images are written.
 */
import type { ghost_chunk_entry, ghost_file_entry } from '../../images/messages/ghost-file.js';
import type { MessageValue } from '../../images/schema.js';
import { type Content, StreamedContent } from '../../images/store.js';
import { EINTR, ENXIO, EPERM, errnoName } from '../../linux/errno.js';
import { decodeDev, encodeKernelDev } from '../../linux/procfs/devices.js';
import type { StructValue } from '../../linux/struct.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, ioctl, lseek, newfstatat, openat, pread64 } from '../../linux/syscalls/files.js';
import {
  O_CLOEXEC,
  O_NOATIME,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFMT,
  S_IFREG,
  SEEK_DATA,
  SEEK_HOLE,
  stat as statStruct,
} from '../../linux/uapi/fcntl.js';
import {
  FIEMAP_EXTENT_LAST,
  FIEMAP_EXTENT_UNWRITTEN,
  FIEMAP_FLAG_SYNC,
  FS_IOC_FIEMAP,
  fiemap,
  fiemap_extent,
} from '../../linux/uapi/fiemap.js';
import { toNumber } from '../../support/bytes.js';
import { type CheckpointError, gone, refused } from '../../support/errors.js';
import type { DumpPort, KernelPort } from '../ports.js';

export type GhostEntry = MessageValue<typeof ghost_file_entry>;
type ChunkEntry = MessageValue<typeof ghost_chunk_entry>;

/** A file without a name. */
export interface Ghost {
  readonly kind: 'ghost';
  /** The same for every use of one inode. */
  readonly key: string;
  readonly entry: GhostEntry;
  /** What it takes on its file system, in bytes. */
  readonly storedBytes: number;
  /** Its content when it is saved whole. */
  readonly whole: Content | undefined;
  /** Its content when it has holes. */
  readonly chunks: readonly { value: ChunkEntry; blocks: { extra: Content } }[];
}

/** A file whose name is gone, while other names lead to it. */
export interface HardLink {
  readonly kind: 'link';
  readonly key: string;
  /** A path that leads to it while the task lives: /proc/12/fd/3. */
  readonly via: string;
}

/** A file of /proc that belongs to a process that is gone. */
export interface GoneTask {
  readonly kind: 'gone';
  readonly key: string;
  readonly pid: number;
}

export type Remap = Ghost | HardLink | GoneTask;

const BLOCK_BYTES = 512;
const NS_PER_US = 1000n;

/** `via` leads to the file: /proc/12/fd/3, /proc/12/exe, a link in map_files. */
export function observeGhost(port: DumpPort, key: string, via: string): Ghost {
  const stat = readStat(port, via);
  const device = decodeDev(toNumber(stat.st_dev));
  const type = stat.st_mode & S_IFMT;
  const storedBytes = Math.min(toNumber(stat.st_blocks) * BLOCK_BYTES, stat.st_size);
  const isSparse = type === S_IFREG && storedBytes < stat.st_size;
  const entry: GhostEntry = {
    uid: stat.st_uid,
    gid: stat.st_gid,
    mode: stat.st_mode,
    dev: encodeKernelDev(device),
    ino: stat.st_ino,
    ...((type === S_IFCHR || type === S_IFBLK) && { rdev: toNumber(stat.st_rdev) }),
    atim: toTimeval(stat.st_atime, stat.st_atime_nsec),
    mtim: toTimeval(stat.st_mtime, stat.st_mtime_nsec),
    ...(isSparse && { chunks: true, size: stat.st_size }),
  };
  const content = (offset: number, length: number): Content =>
    new FileContent({ port, via, offset, length });
  const known = { kind: 'ghost', key, entry } as const;
  if (type !== S_IFREG) return { ...known, storedBytes: 0, whole: undefined, chunks: [] };
  if (!isSparse) return { ...known, storedBytes, whole: content(0, stat.st_size), chunks: [] };
  const chunks = findExtents(port, via, stat.st_size).map(({ offset, length }) => ({
    value: { len: length, off: offset },
    blocks: { extra: content(offset, length) },
  }));
  return { ...known, storedBytes, whole: undefined, chunks };
}

function readStat(port: KernelPort, pathname: string): StructValue<typeof statStruct> {
  using scope = port.scope();
  const statbuf = scope.alloc(statStruct.size);
  const result = port.attempt(newfstatat, { dirfd: AT_FDCWD, pathname, statbuf, flags: 0 });
  if (result < 0) throw gone(`stat of '${pathname}': ${errnoName(-result)}`);
  return statStruct.decode(statbuf.bytes);
}

const toTimeval = (seconds: bigint, nanoseconds: bigint) => ({
  tv_sec: toNumber(seconds),
  tv_usec: toNumber(nanoseconds / NS_PER_US),
});

/** Opens the file for us, without a trace in its access time where the kernel lets us. */
function openContent(port: KernelPort, pathname: string): number {
  const flags = O_RDONLY | O_CLOEXEC;
  const open = (more: number): number =>
    port.attempt(openat, { dirfd: AT_FDCWD, pathname, flags: flags | more, mode: 0 });
  let fd = open(O_NOATIME);
  // O_NOATIME is for the owner and CAP_FOWNER.
  if (fd === -EPERM) fd = open(0);
  if (fd < 0) throw unreadable(pathname, errnoName(-fd));
  return fd;
}

const unreadable = (path: string, why: string): CheckpointError =>
  refused(`the deleted file cannot be read through '${path}': ${why}`, {
    remedy: 'run woodfrog as root',
  });

interface Extent {
  offset: number;
  length: number;
}

/** Where a file has data, in order. */
function findExtents(port: DumpPort, via: string, size: number): Extent[] {
  const fd = openContent(port, via);
  try {
    const found = port.options.ghostFiemap ? byFiemap(port, fd, size) : undefined;
    return found ?? bySeeking(port, { fd, via, size });
  } finally {
    port.attempt(close, { fd });
  }
}

function bySeeking(
  port: KernelPort,
  { fd, via, size }: { fd: number; via: string; size: number },
): Extent[] {
  const extents: Extent[] = [];
  for (let at = 0; at < size; ) {
    const offset = port.attempt(lseek, { fd, offset: at, whence: SEEK_DATA });
    if (offset === -ENXIO) break;
    const end = offset < 0 ? offset : port.attempt(lseek, { fd, offset, whence: SEEK_HOLE });
    if (end < 0) throw unreadable(via, `lseek: ${errnoName(-end)}`);
    extents.push({ offset, length: Math.min(end, size) - offset });
    at = end;
  }
  return extents;
}

const EXTENTS_AT_ONCE = 256;

/** Undefined where the file system has no FIEMAP. */
function byFiemap(port: KernelPort, fd: number, size: number): Extent[] | undefined {
  const extents: Extent[] = [];
  using scope = port.scope();
  const argp = scope.alloc(fiemap.size + EXTENTS_AT_ONCE * fiemap_extent.size);
  for (let at = 0; at < size; ) {
    argp.bytes.set(
      fiemap.encode({
        fm_start: at,
        fm_length: BigInt(size - at),
        fm_flags: FIEMAP_FLAG_SYNC,
        fm_extent_count: EXTENTS_AT_ONCE,
      }),
    );
    if (port.attempt(ioctl, { fd, request: FS_IOC_FIEMAP, argp }) < 0) return undefined;
    const { fm_mapped_extents } = fiemap.decode(argp.bytes);
    if (fm_mapped_extents === 0) break;
    for (let i = 0; i < fm_mapped_extents; i++) {
      const place = fiemap.size + i * fiemap_extent.size;
      const extent = fiemap_extent.decode(argp.bytes.subarray(place, place + fiemap_extent.size));
      at = addExtent(extents, extent, { at, size });
    }
  }
  return extents;
}

/** Adds what of an extent lies within the file; where to look next. */
function addExtent(
  extents: Extent[],
  { fe_logical, fe_length, fe_flags }: StructValue<typeof fiemap_extent>,
  { at, size }: { at: number; size: number },
): number {
  const offset = Math.max(fe_logical, at);
  const end = Math.min(fe_logical + fe_length, size);
  const last = extents.at(-1);
  if (end > offset && (fe_flags & FIEMAP_EXTENT_UNWRITTEN) === 0) {
    if (last && last.offset + last.length === offset) last.length += end - offset;
    else extents.push({ offset, length: end - offset });
  }
  return (fe_flags & FIEMAP_EXTENT_LAST) !== 0 ? size : Math.max(end, at);
}

const COPY_BYTES = 1 << 20;

/** A part of a file that is opened when it streams: nothing of it is held. */
export class FileContent extends StreamedContent {
  readonly length: number;
  private readonly port: KernelPort;
  private readonly via: string;
  private readonly offset: number;

  constructor({ port, via, offset, length }: Extent & { port: KernelPort; via: string }) {
    super();
    this.port = port;
    this.via = via;
    this.offset = offset;
    this.length = length;
  }

  protected stream(take: (bytes: Uint8Array) => void): void {
    const { port, via, offset, length } = this;
    if (length === 0) return;
    const fd = openContent(port, via);
    using scope = port.scope();
    const buf = scope.alloc(Math.min(length, COPY_BYTES));
    try {
      for (let done = 0; done < length; ) {
        const count = Math.min(length - done, COPY_BYTES);
        const got = port.attempt(pread64, { fd, buf, count, offset: offset + done });
        if (got === -EINTR) continue;
        if (got === 0) throw unreadable(via, 'somebody outside the tree has truncated it');
        if (got < 0) throw unreadable(via, errnoName(-got));
        take(buf.bytes.subarray(0, got));
        done += got;
      }
    } finally {
      port.attempt(close, { fd });
    }
  }
}
