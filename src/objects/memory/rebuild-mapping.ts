/** One saved mapping as steps: mmap, then what makes it as it was. Pure. */
import { madvise, mlock2, mmap, mprotect, mseal } from '../../linux/syscalls/memory.js';
import { prctl } from '../../linux/syscalls/tasks.js';
import {
  HUGE_MASK,
  MADV_GUARD_INSTALL,
  MADV_MERGEABLE,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_STACK,
  MLOCK_ONFAULT,
  PROT_READ,
  PROT_WRITE,
} from '../../linux/uapi/mman.js';
import { PR_SET_VMA, PR_SET_VMA_ANON_NAME } from '../../linux/uapi/prctl.js';
import type { StepOptions, Track } from '../../plan/track.js';
import { PAGE_SIZE } from '../../support/brand.js';

import { type CheckpointError, imageError, unsupported } from '../../support/errors.js';
import { cString } from '../../support/text.js';
import {
  adviceOf,
  describeMapping,
  LASTING_ADVICE,
  VMA_ANON_PRIVATE,
  VMA_ANON_SHARED,
  VMA_AREA_AIORING,
  VMA_AREA_GUARD,
  VMA_AREA_MEMFD,
  VMA_AREA_SHSTK,
  VMA_AREA_SOCKET,
  VMA_AREA_SYSVIPC,
  VMA_AREA_UPROBES,
  VMA_FILE_PRIVATE,
  VMA_FILE_SHARED,
  type Vma,
} from './vma.js';

/** Flags of vma_entry that go to mmap as they are. MAP_LOCKED does not: it would touch pages before they are read. */
const MMAP_FLAGS =
  MAP_SHARED | MAP_PRIVATE | MAP_DROPPABLE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE;
const KNOWN_FLAGS = MMAP_FLAGS | MAP_FIXED | MAP_LOCKED | MAP_STACK;
const KNOWN_ADVICE = new Set(Object.values(LASTING_ADVICE));

/** Each mapping is of one of them. */
const KINDS =
  VMA_FILE_PRIVATE | VMA_FILE_SHARED | VMA_ANON_PRIVATE | VMA_ANON_SHARED | VMA_AREA_AIORING;

const NOT_YET: readonly [status: number, what: string][] = [
  [VMA_AREA_SYSVIPC, 'System V shared memory is not supported yet'],
  [VMA_AREA_SOCKET, 'mapped packet socket rings are not supported yet'],
  [VMA_AREA_SHSTK, 'shadow stacks are not supported'],
  [VMA_AREA_UPROBES, 'uprobes are not supported'],
];

/** Throws for an entry that cannot be rebuilt, or that no dump writes. */
export function verifyVma(vma: Vma): void {
  const { start, end, status, flags, madv } = vma;
  const fail = (what: string): CheckpointError =>
    imageError(what, { object: describeMapping(vma) });
  if (start % PAGE_SIZE !== 0 || end % PAGE_SIZE !== 0 || end <= start) {
    throw fail('its edges are no mapping');
  }
  if (status & VMA_AREA_GUARD) return;
  for (const [bit, what] of NOT_YET) {
    if (status & bit) throw unsupported(what, { object: describeMapping(vma) });
  }
  const isMemfd = (status & VMA_AREA_MEMFD) !== 0;
  if (flags & MAP_HUGETLB && !isMemfd) {
    throw unsupported('huge TLB pages are not supported', { object: describeMapping(vma) });
  }
  const unknown = flags & ~(isMemfd ? KNOWN_FLAGS | MAP_HUGETLB | HUGE_MASK : KNOWN_FLAGS);
  if (unknown !== 0) throw fail(`its flags 0x${unknown.toString(16)} are not known`);
  const advice = adviceOf(madv).find((number) => !KNOWN_ADVICE.has(number));
  if (advice !== undefined) throw fail(`its advice ${advice} is not known`);
  const kind = status & KINDS;
  if (kind === 0 || (kind & (kind - 1)) !== 0) {
    throw fail(`its status 0x${status.toString(16)} names no single kind`);
  }
}

export const isSharedAnonymous = ({ status }: Vma): boolean =>
  (status & VMA_ANON_SHARED) !== 0 || (status & VMA_AREA_MEMFD) !== 0;
export const isFile = ({ status }: Vma): boolean =>
  (status & (VMA_FILE_PRIVATE | VMA_FILE_SHARED)) !== 0 && !(status & VMA_AREA_MEMFD);

const nameOf = (vma: Vma): StepOptions => ({ object: () => describeMapping(vma) });

/** mmap at the saved address: anonymous without a descriptor. */
export function addMmap(
  track: Track,
  vma: Vma,
  { fd = -1, prot = vma.prot, shared = false }: { fd?: number; prot?: number; shared?: boolean },
): void {
  const { start, end, pgoff, flags } = vma;
  // Shared anonymous memory is private to no one: its entry says MAP_ANONYMOUS also when it is mapped by descriptor.
  const kind = shared
    ? MAP_SHARED | (flags & MAP_NORESERVE) | (fd < 0 ? MAP_ANONYMOUS : 0)
    : flags & MMAP_FLAGS;
  track.call(
    mmap,
    {
      addr: start,
      length: end - start,
      prot,
      flags: kind | MAP_FIXED_NOREPLACE,
      fd,
      offset: fd < 0 ? 0 : pgoff,
    },
    { ...nameOf(vma), mustEqual: start },
  );
}

/** The protection while contents are read: without execution, which some policies forbid for what can be written. */
export const fillingProt = ({ prot }: Vma): number =>
  prot & PROT_WRITE ? prot : PROT_READ | PROT_WRITE;

/** Advice that decides how pages come to be, before they do. */
export function addAdvice(track: Track, vma: Vma): void {
  for (const advice of adviceOf(vma.madv)) {
    if (advice !== MADV_MERGEABLE) addMadvise(track, vma, advice);
  }
}

function addMadvise(track: Track, vma: Vma, advice: number): void {
  const { start, end } = vma;
  track.call(madvise, { addr: start, length: end - start, advice }, nameOf(vma));
}

export function addGuard(track: Track, vma: Vma): void {
  addMadvise(track, vma, MADV_GUARD_INSTALL);
}

/** What comes after the contents. `current`: the protection it has so far. */
export function addFinish(
  track: Track,
  vma: Vma,
  { current, hasGuards }: { current: number; hasGuards: boolean },
): void {
  const { start, end, prot, flags, anon_name } = vma;
  const length = end - start;
  if (prot !== current) track.call(mprotect, { addr: start, length, prot }, nameOf(vma));
  if (adviceOf(vma.madv).includes(MADV_MERGEABLE)) addMadvise(track, vma, MADV_MERGEABLE);
  if (anon_name !== undefined) {
    const name = track.memory.store(cString(anon_name), 1);
    track.call(
      prctl,
      { option: PR_SET_VMA, arg2: PR_SET_VMA_ANON_NAME, arg3: start, arg4: length, arg5: name },
      nameOf(vma),
    );
  }
  if (flags & MAP_LOCKED) addLock(track, vma, hasGuards);
}

function addLock(track: Track, vma: Vma, hasGuards: boolean): void {
  const { start, end, prot, locked_on_fault } = vma;
  // Memory that cannot be touched is locked, and then ENOMEM says that its pages could not be brought in.
  const canTouch = (prot & PROT_READ) !== 0 && !hasGuards;
  track.call(
    mlock2,
    { addr: start, length: end - start, flags: locked_on_fault ? MLOCK_ONFAULT : 0 },
    { ...nameOf(vma), onError: canTouch ? 'stop' : 'ignore' },
  );
}

/** The last change of all: nothing can be changed afterwards. */
export function addSeal(track: Track, vma: Vma): void {
  const { start, end, sealed } = vma;
  if (!sealed) return;
  track.at('task state');
  track.call(mseal, { addr: start, length: end - start, flags: 0 }, nameOf(vma));
}
