/**
 * What a dump asks the kernel about an address space, frozen: VmFlags of every mapping, the files behind mappings,
 * guard regions, how much there is to copy. Nothing is run in the task and no page is read.
 */
import type { ProcessView } from '../../checkpoint/views.js';
import { EINTR, EINVAL, ENOTTY, errnoName } from '../../linux/errno.js';
import { encodeScan, GUARDS, nextScan, REGION_SIZE, regionAt } from '../../linux/pagemap-scan.js';
import type { Mapping } from '../../linux/procfs/maps.js';
import { parseProtectionKeys, parseVmFlags, type VmFlags } from '../../linux/procfs/smaps.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat, read } from '../../linux/syscalls/files.js';
import { pagemapScan } from '../../linux/syscalls/memory.js';
import { O_CLOEXEC, O_RDONLY } from '../../linux/uapi/fcntl.js';
import { PAGEMAP_SCAN, pm_scan_arg } from '../../linux/uapi/mman.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { viewOf } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import type { DumpPort, FileStat } from '../ports.js';
import { describeMapping, USER_END } from './vma.js';

/** The file behind a mapping: what the mapping holds, and what its path leads to now. */
export interface MappedFile {
  /** The mapping's own file, by /proc/PID/map_files. */
  stat: FileStat;
  /** Its path, as the link gives it. */
  target: string;
  /** What `target` leads to; -errno when it leads nowhere. */
  named: FileStat | number;
}

export interface AddressRange {
  start: number;
  end: number;
}

export interface MemoryObservation {
  process: ProcessView;
  mappings: readonly Mapping[];
  /** By first address, as are the two below. */
  flags: ReadonlyMap<number, VmFlags>;
  /** Protection keys other than 0. */
  protectionKeys: ReadonlyMap<number, number>;
  files: ReadonlyMap<number, MappedFile>;
  /** Pages that MADV_GUARD_INSTALL made inaccessible (Linux 6.13; seen from 6.15 on). */
  guards: AddressRange[];
  /** Bytes of private pages with content, nearly: for progress. */
  anonymousBytes: number;
}

export function observeMemory(port: DumpPort, process: ProcessView): MemoryObservation {
  const { task: pid, mappings } = process;
  const { flags, protectionKeys } = readSmaps(port, pid);
  return {
    process,
    mappings,
    flags,
    protectionKeys,
    files: readMappedFiles(port, pid, mappings),
    guards: scanGuards(port, pid),
    anonymousBytes: readAnonymousBytes(port, pid),
  };
}

const CHUNK = 256 * 1024;
const NEWLINE = 10;
const LAST_LINE = '\nVmFlags: ';

/**
 * smaps is read whole: no other source shows what madvise, mlock and userfaultfd have set. It walks the page tables,
 * 12 ms per GiB, a fiftieth of the time to copy these pages. Parsed piece by piece: at 65,530 mappings it is 40 MB.
 */
function readSmaps(
  port: DumpPort,
  pid: number,
): Pick<MemoryObservation, 'flags' | 'protectionKeys'> {
  const flags = new Map<number, VmFlags>();
  const protectionKeys = new Map<number, number>();
  using scope = port.scope();
  const buffer = scope.alloc(CHUNK);
  const text = Buffer.from(buffer.bytes.buffer, buffer.bytes.byteOffset, CHUNK);
  let filled = 0;
  const parse = (end: number): void => {
    const part = text.toString('latin1', 0, end);
    for (const [start, codes] of parseVmFlags(part)) flags.set(start, codes);
    for (const [start, key] of parseProtectionKeys(part)) protectionKeys.set(start, key);
    text.copyWithin(0, end, filled);
    filled -= end;
  };
  readFile(port, `/proc/${pid}/smaps`, (fd) => {
    for (;;) {
      const count = port.attempt(read, {
        fd,
        buf: buffer.address + filled,
        count: CHUNK - filled,
      });
      if (count === -EINTR) continue;
      if (count < 0) throw unreadableFile(`/proc/${pid}/smaps`, count);
      filled += count;
      if (count > 0 && filled < CHUNK / 2) continue;
      const last = text.subarray(0, filled).lastIndexOf(LAST_LINE);
      const end = last < 0 ? -1 : text.indexOf(NEWLINE, last + 1);
      if (end >= 0 && end < filled) parse(end + 1);
      if (count === 0) break;
    }
  });
  if (filled > 0) throw refused(`/proc/${pid}/smaps ends in the middle of a record`);
  return { flags, protectionKeys };
}

function readFile(port: DumpPort, pathname: string, use: (fd: number) => void): void {
  const flags = O_RDONLY | O_CLOEXEC;
  const fd = port.attempt(openat, { dirfd: AT_FDCWD, pathname, flags, mode: 0 });
  if (fd < 0) throw unreadableFile(pathname, fd);
  try {
    use(fd);
  } finally {
    port.attempt(close, { fd });
  }
}

const unreadableFile = (path: string, result: number) =>
  refused(`${path} cannot be read: ${errnoName(-result)}`, {
    errno: errnoName(-result),
    remedy: 'run as root, or with CAP_SYS_PTRACE and CAP_CHECKPOINT_RESTORE',
  });

/** One look at each file: neighbours mostly map the same one. */
function readMappedFiles(
  port: DumpPort,
  pid: number,
  mappings: readonly Mapping[],
): Map<number, MappedFile> {
  const files = new Map<number, MappedFile>();
  const known = new Map<string, MappedFile>();
  for (const mapping of mappings) {
    if (mapping.path === undefined || mapping.inode === 0n) continue;
    const { major, minor, inode, name } = mapping;
    const key = `${major}:${minor}:${inode}:${name}`;
    let file = known.get(key);
    if (file === undefined) {
      file = readMappedFile(port, pid, mapping);
      known.set(key, file);
    }
    files.set(mapping.start, file);
  }
  return files;
}

function readMappedFile(port: DumpPort, pid: number, mapping: Mapping): MappedFile {
  const link = mapFilesPath(pid, mapping);
  const target = port.attemptReadLink(link);
  const stat = port.attemptStat(link);
  if (typeof target === 'number' || typeof stat === 'number') {
    const failed = typeof target === 'number' ? target : Number(stat);
    throw refused(`the mapped file cannot be identified: ${link}: ${errnoName(-failed)}`, {
      object: describeMapping(mapping, mapping.name),
      errno: errnoName(-failed),
      remedy: 'run as root, or with CAP_CHECKPOINT_RESTORE',
    });
  }
  const named = target.startsWith('/') ? port.attemptStat(target) : -EINVAL;
  return { stat, target, named };
}

/** The link to a mapping's own file, whatever has become of its path. */
export const mapFilesPath = (pid: number, { start, end }: AddressRange): string =>
  `/proc/${pid}/map_files/${start.toString(16)}-${end.toString(16)}`;

const GUARDS_AT_ONCE = 1024;

/** 1-2 ms per GiB. */
function scanGuards(port: DumpPort, pid: number): AddressRange[] {
  const guards: AddressRange[] = [];
  using scope = port.scope();
  const arg = scope.alloc(pm_scan_arg.size);
  const regions = scope.alloc(GUARDS_AT_ONCE * REGION_SIZE);
  const view = viewOf(regions.bytes);
  readFile(port, `/proc/${pid}/pagemap`, (fd) => {
    const room = { end: USER_END, regions: regions.address, count: GUARDS_AT_ONCE };
    for (let start = 0; start < USER_END; ) {
      encodeScan(arg.bytes, { ...room, start, filter: GUARDS });
      const count = port.attempt(pagemapScan, { fd, request: PAGEMAP_SCAN, arg });
      // Linux before 6.7 has no such call, before 6.15 no such category.
      if (count === -ENOTTY || count === -EINVAL) return;
      if (count < 0) throw unreadableFile(`/proc/${pid}/pagemap`, count);
      for (let i = 0; i < count; i++) {
        const { start: from, end } = regionAt(view, i);
        guards.push({ start: from, end });
      }
      start = nextScan(room, { arg: arg.bytes, vector: view, count });
    }
  });
  return guards;
}

/** statm: pages of size, resident, of these of files and shared memory. */
function readAnonymousBytes(port: DumpPort, pid: number): number {
  const [, resident = 0, shared = 0] = port.readText(`/proc/${pid}/statm`).split(' ').map(Number);
  return Math.max(resident - shared, 0) * PAGE_SIZE;
}
