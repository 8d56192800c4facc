/**
 * ioctl(PAGEMAP_SCAN) on /proc/PID/pagemap, Linux 6.7: its argument and its answer as bytes. The kernel walks page
 * tables, not pages: 10 ms per GiB, and nothing for what was never touched. Documentation/admin-guide/mm/pagemap.rst.
 */
import { setU64, viewOf } from '../support/bytes.js';
import {
  PAGE_IS_FILE,
  PAGE_IS_GUARD,
  PAGE_IS_PFNZERO,
  PAGE_IS_PRESENT,
  PAGE_IS_SWAPPED,
  page_region,
  pm_scan_arg,
} from './uapi/mman.js';

/** Which pages a scan finds, and what tells two neighbours apart. */
export interface PageFilter {
  /** Categories that a page must not have. */
  none: number;
  /** Categories of which a page must have one. */
  any: number;
  /** Categories that each region reports. */
  report: number;
}

/**
 * Private pages with content of their own: neither a file's, nor the page of zeros. A guard page counts as swapped on
 * kernels that know it (Linux 6.15), so it is reported apart; an older kernel says EINVAL to that category.
 */
export const CONTENT: PageFilter = {
  none: PAGE_IS_FILE | PAGE_IS_PFNZERO,
  any: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
  report: PAGE_IS_GUARD,
};
export const CONTENT_BEFORE_GUARDS: PageFilter = { ...CONTENT, report: 0 };
export const GUARDS: PageFilter = { none: 0, any: PAGE_IS_GUARD, report: PAGE_IS_GUARD };

export const REGION_SIZE = page_region.size;

/** Where the parts of a struct pm_scan_arg are. */
const AT = { size: 0, start: 16, end: 24, walk_end: 32, vec: 40, vec_len: 48, inverted: 64 };

/** Fills a struct pm_scan_arg: regions of [start, end) that pass the filter go to `regions`, at most `count`. */
export function encodeScan(
  arg: Uint8Array,
  { start, end, filter, regions, count }: ScanRequest,
): void {
  const view = viewOf(arg.fill(0));
  setU64(view, AT.size, pm_scan_arg.size);
  setU64(view, AT.start, start);
  setU64(view, AT.end, end);
  setU64(view, AT.vec, regions);
  setU64(view, AT.vec_len, count);
  // A category in both the inverted and the wanted mask must be absent.
  setU64(view, AT.inverted, filter.none);
  setU64(view, AT.inverted + 8, filter.none);
  setU64(view, AT.inverted + 16, filter.any);
  setU64(view, AT.inverted + 24, filter.report);
}

export interface ScanRequest {
  start: number;
  end: number;
  filter: PageFilter;
  /** The address of the region vector, and how many fit. */
  regions: number;
  count: number;
}

/**
 * Where the next scan of a walk begins; `end` when it is over. walk_end alone does not tell: the kernel gathers 512
 * regions at a time, and when its last walk ends by itself, walk_end is still that of the one before (seen on 6.18).
 */
export function nextScan(
  { end, count: room }: Pick<ScanRequest, 'end' | 'count'>,
  { arg, vector, count }: { arg: Uint8Array; vector: DataView; count: number },
): number {
  if (count < room) return end;
  return Math.max(readWord(viewOf(arg), AT.walk_end), regionAt(vector, count - 1).end);
}

export interface PageRegion {
  start: number;
  end: number;
  isGuard: boolean;
}

/** Region `index` of a vector that a scan filled. */
export function regionAt(view: DataView, index: number): PageRegion {
  const at = index * REGION_SIZE;
  return {
    start: readWord(view, at),
    end: readWord(view, at + 8),
    isGuard: (view.getUint32(at + 16, true) & PAGE_IS_GUARD) !== 0,
  };
}

const readWord = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
