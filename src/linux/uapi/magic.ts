/** linux/magic.h: file systems that exist in the kernel alone, by the f_type of statfs(2). */

export const HUGETLBFS_MAGIC = 0x9584_58f6n;
export const MQUEUE_MAGIC = 0x1980_0202n;
export const PROC_SUPER_MAGIC = 0x9fa0n;
export const SECRETMEM_MAGIC = 0x5345_434dn;
