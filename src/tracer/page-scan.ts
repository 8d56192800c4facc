/**
 * Which pages of a frozen task hold content of their own: not a file's, not the page of zeros, not never touched.
 * PAGEMAP_SCAN where the kernel has it, else the entries of /proc/PID/pagemap one by one. Streams, in address order.
 */
import type { Scope } from '../host/arena.js';
import { type Host, syscallError } from '../host/host.js';
import { EINVAL, ENOTTY } from '../linux/errno.js';
import {
  CONTENT,
  CONTENT_BEFORE_GUARDS,
  encodeScan,
  nextScan,
  type PageFilter,
  type PageRegion,
  REGION_SIZE,
  regionAt,
} from '../linux/pagemap-scan.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { close, openat, pread64 } from '../linux/syscalls/files.js';
import { mmap, munmap, pagemapScan } from '../linux/syscalls/memory.js';
import { O_CLOEXEC, O_RDONLY } from '../linux/uapi/fcntl.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PAGEMAP_SCAN,
  PROT_READ,
  pm_scan_arg,
} from '../linux/uapi/mman.js';
import { PAGE_SIZE } from '../support/brand.js';
import { viewOf } from '../support/bytes.js';

export interface Range {
  start: number;
  end: number;
}

const REGIONS_AT_ONCE = 4096;

export interface ScanInput {
  pid: number;
  /** In address order, not overlapping. */
  ranges: readonly Range[];
  /** For buffers that live as long as the scan: its caller may allocate meanwhile. */
  scope: Scope;
}

/** The regions with content within `ranges`. Closes what it opens when it ends. */
export function* scanContent(
  host: Host,
  { pid, ranges, scope }: ScanInput,
): Generator<Range, void> {
  const [first] = ranges;
  const last = ranges.at(-1);
  if (first === undefined || last === undefined) return;
  const fd = openPagemap(host, pid);
  try {
    const filter = scanFilter(host, fd);
    // One walk over everything: page tables are empty where nothing is mapped.
    const regions = filter
      ? scanRegions(host, { fd, start: first.start, end: last.end, filter, scope })
      : readEntries(host, { fd, ranges, scope });
    yield* clip(regions, ranges);
  } finally {
    host.attempt(close, { fd });
  }
}

/** The scan for kernels before 6.7, on any kernel: for tests. */
export function* scanEntries(
  host: Host,
  { pid, ranges, scope }: ScanInput,
): Generator<Range, void> {
  const fd = openPagemap(host, pid);
  try {
    yield* clip(readEntries(host, { fd, ranges, scope }), ranges);
  } finally {
    host.attempt(close, { fd });
  }
}

const openPagemap = (host: Host, pid: number): number =>
  host.call(openat, {
    dirfd: AT_FDCWD,
    pathname: `/proc/${pid}/pagemap`,
    flags: O_RDONLY | O_CLOEXEC,
    mode: 0,
  });

function* clip(regions: Iterator<PageRegion>, ranges: readonly Range[]): Generator<Range, void> {
  let next = regions.next();
  for (const range of ranges) {
    while (!next.done && next.value.start < range.end) {
      const { start, end, isGuard } = next.value;
      const from = Math.max(start, range.start);
      const to = Math.min(end, range.end);
      if (from < to && !isGuard) yield { start: from, end: to };
      if (end > range.end) break;
      next = regions.next();
    }
  }
}

/** The filter this kernel takes; undefined when it has no PAGEMAP_SCAN. */
function scanFilter(host: Host, fd: number): PageFilter | undefined {
  using scope = host.scope();
  const arg = scope.alloc(pm_scan_arg.size);
  for (const filter of [CONTENT, CONTENT_BEFORE_GUARDS]) {
    const nowhere = { start: 0, end: PAGE_SIZE, regions: 0, count: 0 };
    encodeScan(arg.bytes, { ...nowhere, filter });
    const result = host.attempt(pagemapScan, { fd, request: PAGEMAP_SCAN, arg });
    if (result >= 0) return filter;
    if (result === -ENOTTY) return undefined;
    if (result !== -EINVAL) throw syscallError('ioctl', -result, 'ioctl(PAGEMAP_SCAN)');
  }
  return undefined;
}

function* scanRegions(
  host: Host,
  { fd, start, end, filter, scope }: Range & { fd: number; filter: PageFilter; scope: Scope },
): Generator<PageRegion, void> {
  const arg = scope.alloc(pm_scan_arg.size);
  const vector = scope.alloc(REGIONS_AT_ONCE * REGION_SIZE);
  const view = viewOf(vector.bytes);
  const room = { end, filter, regions: vector.address, count: REGIONS_AT_ONCE };
  for (let at = start; at < end; ) {
    encodeScan(arg.bytes, { ...room, start: at });
    const count = host.call(pagemapScan, { fd, request: PAGEMAP_SCAN, arg });
    const next = nextScan(room, { arg: arg.bytes, vector: view, count });
    for (let i = 0; i < count; i++) yield regionAt(view, i);
    at = next;
  }
}

const ENTRY_SIZE = 8;
const ENTRIES_AT_ONCE = 8192;
/** Bits of the upper half of a pagemap entry: present, swapped, of a file or shared, guard. */
const PM_PRESENT = 2 ** 31;
const PM_SWAP = 2 ** 30;
const PM_FILE = 2 ** 29;
const PM_GUARD_REGION = 2 ** 26;
const PFN_HIGH = 0x7f_ffff;

const has = (word: number, bit: number): boolean => Math.floor(word / bit) % 2 === 1;

function* readEntries(
  host: Host,
  { fd, ranges, scope }: { fd: number; ranges: readonly Range[]; scope: Scope },
): Generator<PageRegion, void> {
  const zero = zeroPage(host);
  const buffer = scope.alloc(ENTRIES_AT_ONCE * ENTRY_SIZE);
  const view = viewOf(buffer.bytes);
  for (const range of ranges) {
    let start = -1;
    for (let at = range.start; at < range.end; ) {
      const count = Math.min((range.end - at) / PAGE_SIZE, ENTRIES_AT_ONCE);
      readExactly(host, { fd, buffer, length: count * ENTRY_SIZE, offset: pagemapOffset(at) });
      for (let i = 0; i < count; i++, at += PAGE_SIZE) {
        const low = view.getUint32(i * ENTRY_SIZE, true);
        const high = view.getUint32(i * ENTRY_SIZE + 4, true);
        const wanted = isContent(low, high, zero);
        if (wanted && start < 0) start = at;
        if (!wanted && start >= 0) {
          yield { start, end: at, isGuard: false };
          start = -1;
        }
      }
    }
    if (start >= 0) yield { start, end: range.end, isGuard: false };
  }
}

const pagemapOffset = (address: number): number => (address / PAGE_SIZE) * ENTRY_SIZE;

function isContent(low: number, high: number, zero: number | undefined): boolean {
  if (has(high, PM_FILE) || has(high, PM_GUARD_REGION)) return false;
  if (has(high, PM_SWAP)) return true;
  return has(high, PM_PRESENT) && (zero === undefined || pfnOf(low, high) !== zero);
}

const pfnOf = (low: number, high: number): number => (high & PFN_HIGH) * 2 ** 32 + low;

/** The frame of the page of zeros, as a page of ours shows that was only read; undefined without CAP_SYS_ADMIN. */
function zeroPage(host: Host): number | undefined {
  const page = host.call(mmap, {
    addr: 0,
    length: PAGE_SIZE,
    prot: PROT_READ,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    fd: -1,
    offset: 0,
  });
  const fd = host.call(openat, {
    dirfd: AT_FDCWD,
    pathname: '/proc/self/pagemap',
    flags: O_RDONLY | O_CLOEXEC,
    mode: 0,
  });
  try {
    using scope = host.scope();
    const buffer = scope.alloc(ENTRY_SIZE);
    buffer.bytes[0] = host.ffi.view(page, 1)[0] ?? 0;
    readExactly(host, { fd, buffer, length: ENTRY_SIZE, offset: pagemapOffset(page) });
    const view = viewOf(buffer.bytes);
    return pfnOf(view.getUint32(0, true), view.getUint32(4, true)) || undefined;
  } finally {
    host.attempt(close, { fd });
    host.attempt(munmap, { addr: page, length: PAGE_SIZE });
  }
}

function readExactly(
  host: Host,
  read: { fd: number; buffer: { address: number }; length: number; offset: number },
): void {
  const { fd, buffer, length, offset } = read;
  const count = host.call(pread64, { fd, buf: buffer.address, count: length, offset });
  if (count !== length) throw syscallError('pread64', EINVAL, 'a short read of pagemap');
}
