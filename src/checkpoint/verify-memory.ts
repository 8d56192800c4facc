/** mm-*.img: the layout of each address space and its mappings; and how large each shared object is. */
import { IMAGES } from '../images/catalogue.js';
import { imageName } from '../images/image.js';
import { fd_types } from '../images/messages/fdinfo.js';
import type { mm_entry } from '../images/messages/mm.js';
import type { vma_entry } from '../images/messages/vma.js';
import type { MessageValue } from '../images/schema.js';
import { PAGE_SIZE } from '../support/brand.js';
import { alignUp, toNumber } from '../support/bytes.js';
import { type Inspection, type Part, type Report, repeated } from './problems.js';
import { type FileIndex, partOf, verifyReference } from './verify-files.js';
import type { TreeProcess } from './verify-tree.js';

type Mm = MessageValue<typeof mm_entry>;
type Vma = MessageValue<typeof vma_entry>;

/** Bits of vma_entry.status. */
const VMA_AREA_VSYSCALL = 0x4;
const VMA_FILE_PRIVATE = 0x40;
const VMA_FILE_SHARED = 0x80;
const VMA_ANON_SHARED = 0x100;
const VMA_ANON_PRIVATE = 0x200;
const VMA_AREA_SYSVIPC = 0x400;
const VMA_AREA_SOCKET = 0x800;
const VMA_AREA_AIORING = 0x2000;
const VMA_AREA_GUARD = 0x10000;
const VMA_EXT_PLUGIN = 0x800_0000;

const KINDS = VMA_FILE_PRIVATE | VMA_FILE_SHARED | VMA_ANON_SHARED | VMA_ANON_PRIVATE;
/** Their object is not one that files.img or a pagemap of shared memory describes. */
const SPECIAL = VMA_AREA_SYSVIPC | VMA_AREA_SOCKET | VMA_AREA_AIORING | VMA_EXT_PLUGIN;

/** The kind of sharing in vma_entry.flags. */
const MAP_TYPE = 0xf;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_DROPPABLE = 8;

/** Where user space ends with five levels of page tables: Documentation/arch/x86/x86_64/mm.rst. */
const USER_END = 2 ** 56 - PAGE_SIZE;

export interface AddressRange {
  start: number;
  end: number;
}

/** Where pages can be. */
export interface MemoryFacts {
  /** By pid: the private mappings, adjacent ones joined, in address order. */
  readonly privateRanges: ReadonlyMap<number, readonly AddressRange[]>;
  /** By shmid: the size in bytes of shared objects that have pagemaps of their own. */
  readonly sharedBytes: ReadonlyMap<bigint, number>;
}

interface Facts {
  tree: readonly TreeProcess[];
  files: FileIndex;
}

export function verifyMemory(inspection: Inspection, { tree, files }: Facts): MemoryFacts {
  const privateRanges = new Map<number, AddressRange[]>();
  const sharedBytes = verifyInodes(inspection, files);
  for (const { pid, isZombie } of tree) {
    const mm = isZombie ? undefined : inspection.set.get(IMAGES.MM, pid);
    if (!mm) continue;
    const report = inspection.in(imageName(IMAGES.MM, pid));
    const types = [fd_types.REG, fd_types.MEMFD];
    const exe = { name: 'exe_file_id', what: 'the executable', id: mm.exe_file_id, types };
    verifyReference(exe, files, report);
    verifyLayout(mm, report);
    verifyOrder(mm.vmas, report);
    for (const vma of mm.vmas) verifyMapping(vma, files, report);
    privateRanges.set(pid, joined(mm.vmas.filter(hasOwnPages)));
    for (const vma of mm.vmas) addSharedObject(vma, sharedBytes);
  }
  return { privateRanges, sharedBytes };
}

/** Named only when there is something to say: it is asked for every mapping. */
const mappingPart = (vma: AddressRange): Part => ({
  get name() {
    return mappingName(vma);
  },
});

const mappingName = ({ start, end }: AddressRange): string =>
  `mapping 0x${start.toString(16)}-0x${end.toString(16)}`;

/** The same order that prctl(2) PR_SET_MM_MAP demands, kernel/sys.c. */
function verifyLayout(mm: Mm, report: Report): void {
  const pairs = [
    ['mm_start_code', 'mm_end_code'],
    ['mm_start_data', 'mm_end_data'],
    ['mm_start_brk', 'mm_brk'],
    ['mm_arg_start', 'mm_arg_end'],
    ['mm_env_start', 'mm_env_end'],
  ] as const;
  for (const [low, high] of pairs) {
    if (mm[low] > mm[high]) {
      report(low, `is 0x${mm[low].toString(16)}, above ${high} 0x${mm[high].toString(16)}`);
    }
    if (mm[high] > USER_END) report(high, `is 0x${mm[high].toString(16)}, not in user space`);
  }
  const words = mm.mm_saved_auxv.length;
  if (words % 2 !== 0) report('mm_saved_auxv', `has ${words} words: they come in pairs`);
}

function verifyOrder(vmas: readonly Vma[], report: Report): void {
  let last: Vma | undefined;
  const mappings = vmas.filter(({ status }) => !(status & VMA_AREA_GUARD));
  for (const vma of mappings) {
    const { start, end, status } = vma;
    const name = mappingPart(vma);
    if (start % PAGE_SIZE !== 0 || end % PAGE_SIZE !== 0) report(name, 'is not of whole pages');
    if (start >= end) report(name, 'is empty');
    if (end > USER_END && !(status & VMA_AREA_VSYSCALL)) report(name, 'is not in user space');
    if (last && start < last.end) {
      report(name, start < last.start ? 'is out of order' : `overlaps ${mappingName(last)}`);
    }
    last = vma;
  }
  const whole = joined(mappings);
  for (const guard of vmas.filter(({ status }) => status & VMA_AREA_GUARD)) {
    if (!liesWithin(guard, whole)) report(mappingName(guard), 'guards what is not mapped');
  }
}

function verifyMapping(vma: Vma, files: FileIndex, report: Report): void {
  const { status, flags, pgoff, shmid } = vma;
  if (status & (VMA_AREA_GUARD | SPECIAL)) return;
  const name = mappingPart(vma);
  const kind = status & KINDS;
  if (kind === 0 || (kind & (kind - 1)) !== 0) {
    report(name, `has the status 0x${status.toString(16)}: not one kind of memory`);
    return;
  }
  const isPrivate = (kind & (VMA_FILE_PRIVATE | VMA_ANON_PRIVATE)) !== 0;
  const type = flags & MAP_TYPE;
  const fits = isPrivate
    ? type === MAP_PRIVATE || type === MAP_DROPPABLE
    : type === MAP_SHARED || type === (MAP_SHARED | MAP_PRIVATE);
  if (!fits) {
    const [seen, wanted] = [`0x${flags.toString(16)}`, isPrivate ? 'MAP_PRIVATE' : 'MAP_SHARED'];
    report(name, `has the flags ${seen}; its status says ${wanted}`);
  }
  if (pgoff % PAGE_SIZE !== 0) report(name, `begins at byte ${pgoff} of its object: not at a page`);
  if (kind & (VMA_FILE_PRIVATE | VMA_FILE_SHARED)) {
    const id = shmid <= 0xffff_ffffn ? toNumber(shmid) : -1;
    verifyReference({ name, what: 'its content', id }, files, report);
  }
  if (kind === VMA_ANON_SHARED && shmid === 0n) report(name, 'is shared and names no object');
}

/** memfd.img: inodes of memfds, and of shared anonymous memory. Their sizes by shmid. */
function verifyInodes(inspection: Inspection, files: FileIndex): Map<bigint, number> {
  const sharedBytes = new Map<bigint, number>();
  const inodes = inspection.set.many(IMAGES.MEMFD_INODE);
  const report = inspection.in(imageName(IMAGES.MEMFD_INODE, undefined));
  for (const value of repeated(inodes, ({ inode_id }) => inode_id)) {
    report({ name: `inode ${value.inode_id}`, value }, 'is there more than once');
  }
  // An empty one has no pages, and its pagemap may be left out.
  for (const { shmid, size } of inodes) {
    if (size > 0) sharedBytes.set(BigInt(shmid), alignUp(size, PAGE_SIZE));
  }
  const known = new Set(inodes.map(({ inode_id }) => inode_id));
  for (const file of files.values()) {
    const { memfd } = file;
    if (memfd && !known.has(memfd.inode_id)) {
      const what = `refers to inode ${memfd.inode_id}, which memfd.img does not hold`;
      inspection.in(imageName(IMAGES.FILES, undefined))(partOf(file), what);
    }
  }
  return sharedBytes;
}

/** A shared anonymous object is as large as its furthest mapping says. */
function addSharedObject(vma: Vma, sharedBytes: Map<bigint, number>): void {
  const { start, end, pgoff, shmid, status } = vma;
  if (!(status & VMA_ANON_SHARED) || status & SPECIAL) return;
  const length = pgoff + end - start;
  if (length > (sharedBytes.get(shmid) ?? 0)) sharedBytes.set(shmid, length);
}

const hasOwnPages = ({ status }: Vma): boolean =>
  (status & (VMA_FILE_PRIVATE | VMA_ANON_PRIVATE | VMA_AREA_AIORING)) !== 0 &&
  (status & (VMA_AREA_VSYSCALL | VMA_AREA_GUARD)) === 0;

function joined(ranges: readonly AddressRange[]): AddressRange[] {
  const result: AddressRange[] = [];
  for (const { start, end } of ranges) {
    const last = result.at(-1);
    if (last?.end === start) last.end = end;
    else result.push({ start, end });
  }
  return result;
}

export const liesWithin = (
  { start, end }: AddressRange,
  ranges: readonly AddressRange[],
): boolean => ranges.some((range) => range.start <= start && end <= range.end);
