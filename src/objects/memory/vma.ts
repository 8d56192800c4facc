/** A mapping in the images: the words of vma_entry, and how a person knows one. */
import type { vma_entry } from '../../images/messages/vma.js';
import type { MessageValue } from '../../images/schema.js';
import {
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_HUGEPAGE,
  MADV_MERGEABLE,
  MADV_NOHUGEPAGE,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WIPEONFORK,
} from '../../linux/uapi/mman.js';
import { setBits } from '../../support/bytes.js';

export type Vma = MessageValue<typeof vma_entry>;

/** Bits of vma_entry.status. */
export const VMA_AREA_REGULAR = 1;
export const VMA_AREA_VSYSCALL = 4;
export const VMA_AREA_VDSO = 8;
export const VMA_AREA_HEAP = 32;
export const VMA_FILE_PRIVATE = 64;
export const VMA_FILE_SHARED = 128;
export const VMA_ANON_SHARED = 256;
export const VMA_ANON_PRIVATE = 512;
export const VMA_AREA_SYSVIPC = 1024;
export const VMA_AREA_SOCKET = 2048;
export const VMA_AREA_VVAR = 4096;
export const VMA_AREA_AIORING = 8192;
export const VMA_AREA_MEMFD = 16384;
export const VMA_AREA_SHSTK = 32768;
/** Not a mapping: pages of one that MADV_GUARD_INSTALL made inaccessible. Such entries come behind all others. */
export const VMA_AREA_GUARD = 65536;
export const VMA_AREA_UPROBES = 131072;

/** Advice that stays with a mapping, by its code in VmFlags. Bit N of vma_entry.madv stands for advice N. */
export const LASTING_ADVICE: Readonly<Record<string, number>> = {
  rr: MADV_RANDOM,
  sr: MADV_SEQUENTIAL,
  dc: MADV_DONTFORK,
  mg: MADV_MERGEABLE,
  hg: MADV_HUGEPAGE,
  nh: MADV_NOHUGEPAGE,
  dd: MADV_DONTDUMP,
  wf: MADV_WIPEONFORK,
};

/** Numbers of the advice in vma_entry.madv, ascending. */
export const adviceOf = (madv = 0n): number[] => setBits(madv);

/** 'mapping 0x7f00-0x8f00 (/lib/libc.so.6)'. */
export function describeMapping(edges: { start: number; end: number }, name = ''): string {
  const range = `mapping 0x${edges.start.toString(16)}-0x${edges.end.toString(16)}`;
  return name === '' ? range : `${range} (${name})`;
}

/** Address space of a program on x86-64 with four levels of page tables. */
export const USER_END = 0x7fff_ffff_f000;
