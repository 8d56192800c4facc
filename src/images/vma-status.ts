/** Bits of vma_entry.status, by their names in the images' JSON without the VMA_ in front. */
export const AREA_REGULAR = 1;
export const AREA_STACK = 2;
export const AREA_VSYSCALL = 4;
export const AREA_VDSO = 8;
export const FILE_PRIVATE = 64;
export const FILE_SHARED = 128;
export const ANON_SHARED = 256;
export const AREA_SYSVIPC = 1024;
export const AREA_SOCKET = 2048;
export const AREA_VVAR = 4096;
export const AREA_MEMFD = 16384;
