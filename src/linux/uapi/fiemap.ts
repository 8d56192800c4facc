/** linux/fiemap.h, linux/fs.h: where the data of a file lies. */
import { bytes, struct, u32, u64, word } from '../struct.js';

/** _IOWR('f', 11, struct fiemap). */
export const FS_IOC_FIEMAP = 0xc020660b;

export const FIEMAP_FLAG_SYNC = 1;
export const FIEMAP_EXTENT_LAST = 1;
/** Allocated and never written: it reads as zeros. */
export const FIEMAP_EXTENT_UNWRITTEN = 0x800;

/** Its extents follow. */
export const fiemap = struct(
  'fiemap',
  {
    fm_start: word,
    fm_length: u64,
    fm_flags: u32,
    fm_mapped_extents: u32,
    fm_extent_count: u32,
    fm_reserved: u32,
  },
  { size: 32 },
);

export const fiemap_extent = struct(
  'fiemap_extent',
  {
    fe_logical: word,
    fe_physical: u64,
    fe_length: word,
    fe_reserved64: bytes(16),
    fe_flags: u32,
    fe_reserved: bytes(12),
  },
  { size: 56 },
);
