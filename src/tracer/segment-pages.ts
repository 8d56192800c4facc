/** Contents of shared objects into the images, in a dump: anonymous shared memory and memfds, by a link of /proc. */
import { type Host, retryInterrupted, syscallError } from '../host/host.js';
import { ENXIO, errnoName } from '../linux/errno.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { close, fstat, fstatfs, lseek, openat, pread64 } from '../linux/syscalls/files.js';
import { O_CLOEXEC, O_RDONLY, SEEK_DATA, SEEK_HOLE, stat, statfs } from '../linux/uapi/fcntl.js';
import { HUGETLBFS_MAGIC } from '../linux/uapi/magic.js';
import { PAGE_SIZE } from '../support/brand.js';
import { alignUp } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import type { Range } from './page-scan.js';
import { type PageTarget, PIECE, Pieces, RunWriter } from './pages.js';

/** Writes the pages of a shared object that hold content, reached by a link to it; how many there are. */
export function writeSegmentPages(
  host: Host,
  { link, flags }: { link: string; flags: number },
  target: PageTarget,
): number {
  const fd = host.call(openat, {
    dirfd: AT_FDCWD,
    pathname: link,
    flags: O_RDONLY | O_CLOEXEC,
    mode: 0,
  });
  using scope = host.scope();
  const pieces = new Pieces(host, scope, target);
  const runs = new RunWriter(target.pagemap);
  try {
    const size = sizeOf(host, fd);
    const isHuge = isOfHugePages(host, fd);
    for (let at = 0; at < size; ) {
      const start = host.attempt(lseek, { fd, offset: at, whence: SEEK_DATA });
      if (start === -ENXIO) break;
      if (start < 0) throw syscallError('lseek', -start, `lseek(SEEK_DATA) of '${link}'`);
      const hole = host.call(lseek, { fd, offset: start, whence: SEEK_HOLE });
      at = alignUp(hole, PAGE_SIZE);
      const end = Math.min(at, size);
      if (isHuge) {
        copyBlocks(host, { fd, start, end, link }, { pieces, runs, flags });
        continue;
      }
      runs.add(start, at, flags);
      copyRange(host, { fd, start, end, link }, pieces);
      pieces.addZeros(at - end);
    }
    pieces.write();
    runs.flush();
    return runs.pageCount;
  } finally {
    host.attempt(close, { fd });
  }
}

/** hugetlbfs calls all of a file data: what is zero is left out here. */
function copyBlocks(
  host: Host,
  { fd, start, end, link }: Range & { fd: number; link: string },
  { pieces, runs, flags }: { pieces: Pieces; runs: RunWriter; flags: number },
): void {
  pieces.write();
  for (let at = start; at < end; at += PIECE) {
    const next = Math.min(at + PIECE, end);
    copyRange(host, { fd, start: at, end: next, link }, pieces);
    if (pieces.isZero) {
      pieces.filled = 0;
      continue;
    }
    runs.add(at, next, flags);
    pieces.write();
  }
}

function isOfHugePages(host: Host, fd: number): boolean {
  using scope = host.scope();
  const buf = scope.alloc(statfs.size);
  host.call(fstatfs, { fd, buf });
  return statfs.decode(buf.bytes).f_type === HUGETLBFS_MAGIC;
}

function sizeOf(host: Host, fd: number): number {
  using scope = host.scope();
  const statbuf = scope.alloc(stat.size);
  host.call(fstat, { fd, statbuf });
  return stat.decode(statbuf.bytes).st_size;
}

function copyRange(
  host: Host,
  { fd, start, end, link }: Range & { fd: number; link: string },
  pieces: Pieces,
): void {
  for (let at = start; at < end; ) {
    if (pieces.room === 0) pieces.write();
    const count = retryInterrupted(() =>
      host.attempt(pread64, {
        fd,
        buf: pieces.address,
        count: Math.min(end - at, pieces.room),
        offset: at,
      }),
    );
    if (count <= 0) {
      throw refused(`the shared memory cannot be read: ${count < 0 ? errnoName(-count) : 'end'}`, {
        object: link,
      });
    }
    pieces.filled += count;
    at += count;
  }
}
