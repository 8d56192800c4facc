/** The address space of a process as images describe it, for whoever needs room in it. */
import { MAP_GROWSDOWN } from '../../linux/uapi/mman.js';
import type { Occupied } from '../../plan/holes.js';
import type { MmEntry } from '../rebuild-context.js';
import { VMA_AREA_GUARD, VMA_AREA_HEAP, VMA_AREA_VSYSCALL, type Vma } from './vma.js';

/** Entries that stand for a mapping: not for guard pages within one, and not the page that every task has. */
export const isMapping = ({ status }: Vma): boolean =>
  !(status & (VMA_AREA_GUARD | VMA_AREA_VSYSCALL));

/** What is in use, with what grows. */
export const layoutOf = (mm: Pick<MmEntry, 'vmas' | 'mm_brk' | 'mm_start_brk'>): Occupied[] => [
  ...mm.vmas.filter(isMapping).map(({ start, end, flags, status }) => ({
    start,
    end,
    growsDown: (flags & MAP_GROWSDOWN) !== 0,
    growsUp: (status & VMA_AREA_HEAP) !== 0,
  })),
  // The break is there before the heap has its first page.
  { start: mm.mm_start_brk, end: mm.mm_brk, growsUp: true },
];
