/**
 * What a mapping is, and whether it can be saved: pure. What is not known to be safe is refused by name, so that no
 * kernel's new kind of memory is taken for plain memory.
 */
import { anonName, type Mapping } from '../../linux/procfs/maps.js';
import { unknownVmFlags, VM_FLAGS, type VmFlags } from '../../linux/procfs/smaps.js';
import { S_IFCHR, S_IFMT, S_IFREG } from '../../linux/uapi/fcntl.js';
import { type CheckpointError, unsupported } from '../../support/errors.js';
import { isAioRing } from './aio.js';
import type { MappedFile } from './observe.js';
import { describeMapping } from './vma.js';

export type MappingKind =
  | 'private'
  | 'shared anonymous'
  | 'file'
  | 'memfd'
  | 'AIO ring'
  | 'vvar'
  | 'vdso'
  | 'vsyscall';

export interface MappingFacts {
  mapping: Mapping;
  flags: VmFlags;
  file: MappedFile | undefined;
  protectionKey: number;
}

/** Flags that say nothing, or what is saved elsewhere in the entry. */
const SAVED_FLAGS = new Set(
  'rd wr ex sh mr mw me ms gd lo lf sr rr dc ac nr wf dd hg nh mg sd dw gu dp sl'.split(' '),
);
/** The kernel's own pages: mapped anew by every kernel. */
const KERNEL_FLAGS = new Set([...SAVED_FLAGS, 'pf', 'io', 'de', 'mm', 'ar']);
const RING_FLAGS = new Set([...SAVED_FLAGS, 'de']);
/** Of huge pages, too. */
const MEMFD_FLAGS = new Set([...SAVED_FLAGS, 'de', 'ht']);

const REMEDY_END = 'end the program, or have it unmap this memory before the dump';

const USERFAULTFD = {
  what: 'the memory is registered with userfaultfd, which is not supported',
  remedy: 'have the program unregister it (UFFDIO_UNREGISTER) before the dump',
};
/** Why a mapping with this flag cannot be saved. */
const REFUSED_FLAGS: Readonly<Record<string, { what: string; remedy?: string }>> = {
  ht: {
    what: 'huge TLB pages are not supported',
    remedy: 'run the program without hugetlbfs and MAP_HUGETLB; transparent huge pages are fine',
  },
  um: USERFAULTFD,
  uw: USERFAULTFD,
  ui: USERFAULTFD,
  ss: {
    what: 'shadow stacks are not supported',
    remedy: 'start the program with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off',
  },
  pf: { what: 'memory of a device (page frames without pages) is not supported' },
  io: { what: 'memory of a device (I/O) is not supported' },
  mm: { what: 'memory of a device (mixed page frames) is not supported' },
  sf: { what: 'MAP_SYNC mappings of persistent memory are not supported' },
  de: { what: 'memory that a driver mapped (not expandable) is not supported' },
  mt: { what: 'memory tags are not supported' },
  bt: { what: 'branch target identification is not supported' },
};

/** What files that are no files of a file system are, by how their path begins. */
const SPECIAL_FILES: readonly [prefix: string, what: string][] = [
  ['/SYSV', 'System V shared memory is not supported yet'],
  ['/anon_hugepage', 'huge TLB pages are not supported'],
  ['/secretmem', 'secret memory (memfd_secret) cannot be read from outside'],
  ['anon_inode:[secretmem]', 'secret memory (memfd_secret) cannot be read from outside'],
  ['anon_inode:[io_uring]', 'io_uring is not supported'],
  ['anon_inode:[perf_event]', 'perf event buffers are not supported'],
  ['anon_inode:bpf-map', 'mapped BPF maps are not supported'],
  ['socket:', 'mapped packet socket rings are not supported yet'],
  ['/dmabuf', 'DMA buffers are not supported'],
];

/** Throws unsupported(...) for a mapping that cannot be brought back. */
export function classify(facts: MappingFacts): MappingKind {
  const { mapping, flags, protectionKey } = facts;
  const kind = kindOf(facts);
  if (protectionKey !== 0) {
    throw refusal(mapping, `protection key ${protectionKey} is not supported yet`, REMEDY_END);
  }
  const saved = flagsOf(kind);
  let first: string | undefined;
  for (const code of flags) if (!saved.has(code)) first ??= code;
  if (first === undefined) return kind;
  const known = REFUSED_FLAGS[first];
  if (known) throw refusal(mapping, known.what, known.remedy ?? REMEDY_END);
  const name = unknownVmFlags(flags).includes(first)
    ? 'unknown to this version'
    : VM_FLAGS[first as keyof typeof VM_FLAGS];
  throw refusal(mapping, `VmFlags has '${first}' (${name}), which is not supported`, REMEDY_END);
}

function flagsOf(kind: MappingKind): ReadonlySet<string> {
  if (kind === 'AIO ring') return RING_FLAGS;
  if (kind === 'memfd') return MEMFD_FLAGS;
  return kind === 'vvar' || kind === 'vdso' || kind === 'vsyscall' ? KERNEL_FLAGS : SAVED_FLAGS;
}

function kindOf(facts: MappingFacts): MappingKind {
  const { mapping, file } = facts;
  const { label, path, shared } = mapping;
  if (label !== undefined) return labelledKind(mapping, label);
  if (path === undefined) {
    if (!shared) return 'private';
    throw refusal(mapping, 'shared memory without a file is not known', REMEDY_END);
  }
  if (path === '/dev/zero' && mapping.deleted && shared) return 'shared anonymous';
  if (path.startsWith('/memfd:') && mapping.deleted) return 'memfd';
  if (isAioRing(mapping)) return 'AIO ring';
  const special = SPECIAL_FILES.find(([prefix]) => path.startsWith(prefix));
  if (special && (mapping.deleted || !path.startsWith('/'))) {
    throw refusal(mapping, special[1], REMEDY_END);
  }
  if (file === undefined) {
    throw refusal(mapping, 'the mapped object is of no known kind', REMEDY_END);
  }
  checkFile(mapping, file);
  return 'file';
}

function labelledKind(mapping: Mapping, label: string): MappingKind {
  if (label === '[heap]' || label === '[stack]') return 'private';
  if (label === '[vvar]' || label === '[vvar_vclock]') return 'vvar';
  if (label === '[vdso]') return 'vdso';
  if (label === '[vsyscall]') return 'vsyscall';
  if (anonName(mapping) !== undefined) return mapping.shared ? 'shared anonymous' : 'private';
  if (label === '[uprobes]') {
    throw refusal(mapping, 'uprobes are not supported', 'remove the probes (perf, bpftrace) first');
  }
  throw refusal(mapping, `${label} is not known to this version`, REMEDY_END);
}

/** The mapping's path must lead to what is mapped: restore opens it by this path. */
function checkFile(mapping: Mapping, { stat, target, named }: MappedFile): void {
  const type = stat.mode & S_IFMT;
  if (type === S_IFCHR && !isZeroDevice(stat.rdev)) {
    throw refusal(mapping, 'device mappings are not supported', REMEDY_END);
  }
  if (type !== S_IFREG && type !== S_IFCHR) {
    throw refusal(mapping, 'the mapped object is not a regular file', REMEDY_END);
  }
  // Of a name that is gone, the registry of open files knows what stands for it.
  if (mapping.deleted) return;
  if (typeof named === 'number' || named.dev !== stat.dev || named.ino !== stat.ino) {
    const what =
      typeof named === 'number'
        ? `the mapped file was deleted: nothing is at '${target}'`
        : `the mapped file was deleted or replaced: another is at '${target}'`;
    throw refusal(mapping, what, 'restart the program, so that it maps the file that is there now');
  }
}

/** /dev/zero, mapped privately, is plain memory that is named after it. makedev(1, 5). */
const isZeroDevice = (rdev: bigint): boolean => rdev === 0x105n;

const refusal = (mapping: Mapping, what: string, remedy: string): CheckpointError =>
  unsupported(what, { object: describeMapping(mapping, mapping.name), remedy });
