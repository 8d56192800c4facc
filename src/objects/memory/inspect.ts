/** From what was observed to mm_entry.vmas, the shared objects, and the areas whose pages are saved: pure. */
import type { ProcessView } from '../../checkpoint/views.js';
import { PE_LAZY, PE_PRESENT } from '../../images/pagemap.js';
import { anonName, type Mapping } from '../../linux/procfs/maps.js';
import type { VmFlags } from '../../linux/procfs/smaps.js';
import { O_RDONLY, O_RDWR } from '../../linux/uapi/fcntl.js';
import {
  MADV_DONTDUMP,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from '../../linux/uapi/mman.js';
import { defined } from '../../support/assert.js';
import { within } from '../../support/errors.js';
import type { FileStat } from '../ports.js';
import { classify, type MappingKind } from './classify.js';
import {
  type AddressRange,
  type MappedFile,
  type MemoryObservation,
  mapFilesPath,
} from './observe.js';
import {
  describeMapping,
  LASTING_ADVICE,
  VMA_ANON_PRIVATE,
  VMA_ANON_SHARED,
  VMA_AREA_AIORING,
  VMA_AREA_GUARD,
  VMA_AREA_HEAP,
  VMA_AREA_MEMFD,
  VMA_AREA_REGULAR,
  VMA_AREA_VDSO,
  VMA_AREA_VSYSCALL,
  VMA_AREA_VVAR,
  VMA_FILE_PRIVATE,
  VMA_FILE_SHARED,
  type Vma,
} from './vma.js';

/** A file as the registry of open files takes it: the id is what the vma refers to. */
export interface MappedPath {
  path: string;
  stat: FileStat;
  /** O_RDONLY, or O_RDWR for a shared mapping that can be written. */
  flags: number;
  process: ProcessView;
  mapping: Mapping;
}

export interface FileRegistry {
  /** The id in files.img of a file that is known by path alone: one per path and flags. */
  path(file: MappedPath): number;
}

/** Memory of a process whose pages are saved. */
export interface PageArea extends AddressRange {
  /** PE_* of its page runs. */
  flags: number;
  /** 'content': pages that hold something. 'all': every page, where page tables show them as a file's. */
  pages: 'content' | 'all';
  /** Its pages can be read with the task's own rights; else through /proc/PID/mem. */
  readable: boolean;
}

/** A use of a shared anonymous object, by which the object can be reached: a link in /proc/PID/map_files. */
export interface SegmentUse extends AddressRange {
  /** The inode number: names the object in images, too. */
  shmid: bigint;
  process: ProcessView;
  pgoff: number;
  /** Of the whole object, in bytes. */
  size: number;
  /** Its entry in mm_entry.vmas. */
  vma: Vma;
}

/** A shared anonymous object, once, whoever maps it. */
export interface Segment {
  shmid: bigint;
  size: number;
  /** A link to it. */
  link: string;
}

export interface InspectedMemory {
  vmas: Vma[];
  areas: PageArea[];
  segments: SegmentUse[];
}

/** Throws unsupported(...), naming the mapping, for memory that cannot be saved. */
export function inspectMemory(seen: MemoryObservation, files: FileRegistry): InspectedMemory {
  const { process, mappings } = seen;
  return within({ pid: process.pid, comm: process.comm }, () => {
    const inspected: InspectedMemory = { vmas: [], areas: [], segments: [] };
    for (const mapping of mappings) inspectMapping(mapping, seen, { files, inspected });
    for (const { start, end } of seen.guards) inspected.vmas.push(guardVma(start, end));
    return inspected;
  });
}

/**
 * The shared objects of a whole tree. An object that reaches beyond all its mappings has its size noted in the entry
 * of the first: images know it by its mappings alone.
 */
export function collectSegments(memories: readonly InspectedMemory[]): Segment[] {
  const byId = new Map<bigint, SegmentUse[]>();
  for (const use of memories.flatMap(({ segments }) => segments)) {
    const uses = byId.get(use.shmid);
    if (uses) uses.push(use);
    else byId.set(use.shmid, [use]);
  }
  return [...byId].map(([shmid, uses]) => {
    const first = defined(uses[0], 'a shared object has a user');
    const reached = Math.max(...uses.map(({ pgoff, start, end }) => pgoff + end - start));
    if (first.size > reached) first.vma.object_size = first.size;
    return { shmid, size: first.size, link: mapFilesPath(first.process.task, first) };
  });
}

interface Sink {
  files: FileRegistry;
  inspected: InspectedMemory;
}

function inspectMapping(
  mapping: Mapping,
  { process, flags: allFlags, files: mappedFiles, protectionKeys }: MemoryObservation,
  { files, inspected }: Sink,
): void {
  const { start, end } = mapping;
  const flags = defined(
    allFlags.get(start),
    () => `${describeMapping(mapping)} is in maps and not in smaps`,
  );
  const file = mappedFiles.get(start);
  const protectionKey = protectionKeys.get(start) ?? 0;
  const kind = classify({ mapping, flags, file, protectionKey });
  const { vmas, areas, segments } = inspected;
  if (kind === 'vvar' && extendsVvar(vmas.at(-1), mapping)) return;
  const vma = plainVma(mapping, flags, kind);
  if (kind === 'file' || kind === 'memfd') {
    fileVma(vma, { mapping, flags, process, files, file: defined(file, '') });
  }
  if (kind === 'shared anonymous') {
    const { stat } = defined(file, () => `${describeMapping(mapping)} has no file`);
    vma.shmid = stat.ino;
    segments.push({
      start,
      end,
      shmid: stat.ino,
      process,
      pgoff: mapping.pgoff,
      size: stat.size,
      vma,
    });
  }
  if (kind === 'AIO ring') vma.fdflags = O_RDWR;
  vmas.push(vma);
  const area = pageArea(mapping, kind, vma, flags);
  if (area) areas.push(area);
}

/** Newer kernels show the time page of virtual clocks as a mapping of its own: the images have one for both. */
function extendsVvar(last: Vma | undefined, { start, end }: Mapping): boolean {
  if (last === undefined || !(last.status & VMA_AREA_VVAR) || last.end !== start) return false;
  last.end = end;
  return true;
}

const STATUS: Readonly<Record<MappingKind, number>> = {
  private: VMA_AREA_REGULAR | VMA_ANON_PRIVATE,
  'shared anonymous': VMA_AREA_REGULAR | VMA_ANON_SHARED,
  file: VMA_AREA_REGULAR,
  memfd: VMA_AREA_REGULAR | VMA_AREA_MEMFD,
  'AIO ring': VMA_AREA_AIORING,
  vvar: VMA_AREA_REGULAR | VMA_ANON_PRIVATE | VMA_AREA_VVAR,
  vdso: VMA_AREA_REGULAR | VMA_ANON_PRIVATE | VMA_AREA_VDSO,
  vsyscall: VMA_ANON_PRIVATE | VMA_AREA_VSYSCALL,
};

function plainVma(mapping: Mapping, flags: VmFlags, kind: MappingKind): Vma {
  const { start, end, prot, shared, pgoff, label } = mapping;
  const vma: Vma = {
    start,
    end,
    pgoff: kind === 'file' || kind === 'memfd' || kind === 'shared anonymous' ? pgoff : 0,
    shmid: 0n,
    prot,
    flags: mapFlagsOf(flags, shared, kind),
    status: STATUS[kind] | (label === '[heap]' ? VMA_AREA_HEAP : 0),
    fd: -1,
  };
  const madv = madvOf(flags, kind);
  if (madv !== 0n) vma.madv = madv;
  const name = anonName(mapping);
  if (name !== undefined) vma.anon_name = name;
  if (kind === 'vvar' || kind === 'vdso' || kind === 'vsyscall') return vma;
  if (flags.has('lo') && flags.has('lf')) vma.locked_on_fault = true;
  if (flags.has('sl')) vma.sealed = true;
  if (flags.has('ac') && !shared && !(prot & PROT_WRITE)) vma.accounted = true;
  return vma;
}

function mapFlagsOf(flags: VmFlags, shared: boolean, kind: MappingKind): number {
  // Droppable memory implies more of its flags than it can be asked for.
  if (flags.has('dp')) return MAP_DROPPABLE | MAP_ANONYMOUS;
  return (
    (shared ? MAP_SHARED : MAP_PRIVATE) |
    (kind === 'file' || kind === 'memfd' || kind === 'AIO ring' ? 0 : MAP_ANONYMOUS) |
    (flags.has('gd') ? MAP_GROWSDOWN : 0) |
    (flags.has('lo') ? MAP_LOCKED : 0) |
    (flags.has('ht') ? MAP_HUGETLB : 0) |
    (flags.has('nr') ? MAP_NORESERVE : 0)
  );
}

function madvOf(flags: VmFlags, kind: MappingKind): bigint {
  if (flags.has('dp')) return 0n;
  let madv = 0n;
  for (const code of flags) {
    const advice = LASTING_ADVICE[code];
    if (advice !== undefined) madv |= 1n << BigInt(advice);
  }
  // The kernel's own pages are never dumped; only of vvar do images say so.
  return kind === 'vdso' ? madv & ~(1n << BigInt(MADV_DONTDUMP)) : madv;
}

function fileVma(
  vma: Vma,
  {
    mapping,
    flags,
    process,
    files,
    file,
  }: {
    mapping: Mapping;
    flags: VmFlags;
    process: ProcessView;
    files: FileRegistry;
    file: MappedFile;
  },
): void {
  const { shared } = mapping;
  // A shared mapping of a file opened for reading can never be made writable, and is not marked as shared: of a memfd that
  // is sealed against writing it only has no 'may write'.
  const isWritable = flags.has('mw') || flags.has('sh');
  const openFlags = shared && isWritable ? O_RDWR : O_RDONLY;
  vma.status |= shared ? VMA_FILE_SHARED : VMA_FILE_PRIVATE;
  vma.fdflags = openFlags;
  vma.shmid = BigInt(
    within(
      () => ({ object: describeMapping(mapping, mapping.name) }),
      () =>
        files.path({
          path: file.target,
          stat: file.stat,
          flags: openFlags,
          process,
          mapping,
        }),
    ),
  );
}

function pageArea(
  { start, end, prot, shared }: Mapping,
  kind: MappingKind,
  vma: Vma,
  flags: VmFlags,
): PageArea | undefined {
  if (kind === 'vdso' || kind === 'AIO ring') {
    const readable = (prot & PROT_READ) !== 0;
    return { start, end, flags: PE_PRESENT, pages: 'all', readable };
  }
  // Droppable memory may be empty at any time, and what is in it (random numbers to come) should not come twice.
  if (shared || kind === 'vvar' || kind === 'vsyscall' || flags.has('dp')) return undefined;
  const isLazy = kind === 'private' && !(vma.flags & MAP_LOCKED);
  return {
    start,
    end,
    flags: PE_PRESENT | (isLazy ? PE_LAZY : 0),
    pages: 'content',
    readable: (prot & PROT_READ) !== 0,
  };
}

const guardVma = (start: number, end: number): Vma => ({
  start,
  end,
  pgoff: 0,
  shmid: 0n,
  prot: 0,
  flags: 0,
  status: VMA_AREA_GUARD,
  fd: -1,
});
