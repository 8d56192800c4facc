/** asm-generic/mman-common.h, linux/mman.h, linux/fs.h (PAGEMAP_SCAN, Linux 6.7). */
import { struct, u32, u64, word } from '../struct.js';

export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;
export const PROT_GROWSDOWN = 0x0100_0000;
export const protFlags = { PROT_READ, PROT_WRITE, PROT_EXEC, PROT_GROWSDOWN };

export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_DROPPABLE = 0x08;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_GROWSDOWN = 0x100;
export const MAP_LOCKED = 0x2000;
export const MAP_NORESERVE = 0x4000;
export const MAP_POPULATE = 0x8000;
export const MAP_STACK = 0x20000;
export const MAP_HUGETLB = 0x40000;
export const MAP_FIXED_NOREPLACE = 0x100000;
export const mapFlags = {
  MAP_SHARED,
  MAP_PRIVATE,
  MAP_FIXED,
  MAP_ANONYMOUS,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_STACK,
  MAP_HUGETLB,
  MAP_FIXED_NOREPLACE,
};

export const MREMAP_MAYMOVE = 1;
export const MREMAP_FIXED = 2;
export const mremapFlags = { MREMAP_MAYMOVE, MREMAP_FIXED };

export const MLOCK_ONFAULT = 1;

export const MADV_NORMAL = 0;
export const MADV_RANDOM = 1;
export const MADV_SEQUENTIAL = 2;
export const MADV_DONTFORK = 10;
export const MADV_MERGEABLE = 12;
export const MADV_HUGEPAGE = 14;
export const MADV_NOHUGEPAGE = 15;
export const MADV_DONTDUMP = 16;
export const MADV_WIPEONFORK = 18;
export const MADV_GUARD_INSTALL = 102;
export const madviseAdvice = {
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_DONTFORK,
  MADV_MERGEABLE,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_DONTDUMP,
  MADV_WIPEONFORK,
  MADV_GUARD_INSTALL,
};

export const MFD_CLOEXEC = 1;
export const MFD_ALLOW_SEALING = 2;
export const MFD_HUGETLB = 4;
export const memfdFlags = { MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_HUGETLB };
/** From this bit of the flags of memfd_create and mmap on: the binary logarithm of the size of huge pages, or 0. */
export const HUGE_SHIFT = 26;
export const HUGE_MASK = 0x3f * 2 ** HUGE_SHIFT;

export const PAGEMAP_SCAN = 0xc0606610;
export const PAGE_IS_WPALLOWED = 1;
export const PAGE_IS_WRITTEN = 2;
export const PAGE_IS_FILE = 4;
export const PAGE_IS_PRESENT = 8;
export const PAGE_IS_SWAPPED = 16;
export const PAGE_IS_PFNZERO = 32;
export const PAGE_IS_HUGE = 64;
/** Linux 6.15: pages that MADV_GUARD_INSTALL made inaccessible. */
export const PAGE_IS_GUARD = 256;

/** linux/fs.h: sizes and offsets as in Documentation/admin-guide/mm/pagemap.rst. */
export const pm_scan_arg = struct(
  'pm_scan_arg',
  {
    size: u64,
    flags: u64,
    start: word,
    end: word,
    walk_end: word,
    vec: word,
    vec_len: word,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
  },
  { size: 96 },
);
export const page_region = struct(
  'page_region',
  { start: word, end: word, categories: u64 },
  { size: 24 },
);

/** linux/prctl.h: PR_SET_MM_MAP. */
export const prctl_mm_map = struct(
  'prctl_mm_map',
  {
    start_code: word,
    end_code: word,
    start_data: word,
    end_data: word,
    start_brk: word,
    brk: word,
    start_stack: word,
    arg_start: word,
    arg_end: word,
    env_start: word,
    env_end: word,
    auxv: word,
    auxv_size: u32,
    exe_fd: u32,
  },
  { size: 104 },
);

/** linux/uio.h. */
export const iovec = struct('iovec', { iov_base: word, iov_len: word }, { size: 16 });
