/** Where there is room in address spaces: for the plan, which lies at one address in all of them, and for stagings. */
import { alignUp } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import { PLAN_LENGTH } from './plan.js';

/** Memory in use: a mapping that is saved, or of the puppet. */
export interface Occupied {
  start: number;
  end: number;
  /** Grows towards lower addresses by itself: a stack. */
  growsDown?: boolean;
  /** Grows towards higher addresses by brk(2). */
  growsUp?: boolean;
}

export interface HoleRequest {
  length: number;
  /** A power of two. */
  align: number;
  /** It must end at or below this address: where 32-bit code reaches. */
  below?: number;
}

const PAGE = 4096;
const HUGE_PAGE = 2 * 1024 * 1024;
/** Far above any vm.mmap_min_addr. */
const LOWEST = 16 * 1024 * 1024;
/** The end of user space with four levels of page tables. */
const HIGHEST = 0x7fff_ffff_f000;
/** Above what programs that are not relocated, 32-bit pointers and sanitizers' shadows use; below where mmap begins. */
const PREFERRED = 0x3000_0000_0000;
/** What stacks and heaps are left to grow into: none does in a restore, but nothing is gained by being close. */
const MARGIN = 256 * 1024 * 1024;

/**
 * The first address of a hole of this size; undefined when there is none. Prefers the empty middle of the address
 * space, and keeps away from what grows if it can.
 */
export function findHole(occupied: readonly Occupied[], request: HoleRequest): number | undefined {
  for (const margin of [MARGIN, 0]) {
    const taken = merged(occupied, margin);
    for (const lowest of [PREFERRED, LOWEST]) {
      const found = firstHole(taken, lowest, request);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The address of the plan: free in every layout given (each process's saved mappings, and the puppet's). */
export function choosePlanBase(
  layouts: readonly (readonly Occupied[])[],
  { below }: Pick<HoleRequest, 'below'> = {},
): number {
  const size = { length: PLAN_LENGTH, align: HUGE_PAGE };
  const base = findHole(layouts.flat(), below === undefined ? size : { ...size, below });
  if (base === undefined) {
    const where = below === undefined ? '' : ` below 0x${below.toString(16)}`;
    throw refused(
      `no ${PLAN_LENGTH / (1024 * 1024)} MiB of address space${where} are free in all processes of the tree`,
      { remedy: 'restore the processes from checkpoints of their own' },
    );
  }
  return base;
}

/** Several holes in one address space that do not overlap, in the order of the requests; each page-aligned. */
export function chooseHoles(occupied: readonly Occupied[], lengths: readonly number[]): number[] {
  const taken = [...occupied];
  return lengths.map((length) => {
    const start = findHole(taken, { length, align: PAGE });
    if (start === undefined) {
      throw refused(`no ${length} bytes of address space are free beside what was saved`);
    }
    // A page between two: else they would become one mapping.
    taken.push({ start, end: start + alignUp(length, PAGE) + PAGE });
    return start;
  });
}

/** Ranges in order, without overlaps. */
function merged(occupied: readonly Occupied[], margin: number): Occupied[] {
  const ranges = occupied
    .map(({ start, end, growsDown, growsUp }) => ({
      start: growsDown ? Math.max(start - margin, 0) : start,
      end: growsUp ? end + margin : end,
    }))
    .sort((a, b) => a.start - b.start);
  const taken: Occupied[] = [];
  for (const range of ranges) {
    const last = taken.at(-1);
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else taken.push(range);
  }
  return taken;
}

function firstHole(
  taken: readonly Occupied[],
  lowest: number,
  { length, align, below = HIGHEST }: HoleRequest,
): number | undefined {
  let at = alignUp(lowest, align);
  for (const { start, end } of taken) {
    // A page is left free on both sides: a neighbour could merge, or be grown into.
    if (end + PAGE <= at) continue;
    if (at + length + PAGE <= start) break;
    at = alignUp(Math.max(at, end + PAGE), align);
  }
  return at + length <= below ? at : undefined;
}
