/** System calls on memory. */
import { data, fdParam, flags, hexWord, int, oneOf, out, syscall, uint } from '../syscall.js';
import { madviseAdvice, mapFlags, mremapFlags, protFlags } from '../uapi/mman.js';

export const mmap = syscall(
  'mmap',
  {
    addr: hexWord,
    length: hexWord,
    prot: flags(protFlags),
    flags: flags(mapFlags),
    fd: int,
    offset: hexWord,
  },
  'address',
);
export const munmap = syscall('munmap', { addr: hexWord, length: hexWord });
export const mprotect = syscall('mprotect', {
  addr: hexWord,
  length: hexWord,
  prot: flags(protFlags),
});
export const mremap = syscall(
  'mremap',
  {
    old_address: hexWord,
    old_size: hexWord,
    new_size: hexWord,
    flags: flags(mremapFlags),
    new_address: hexWord,
  },
  'address',
);
export const madvise = syscall('madvise', {
  addr: hexWord,
  length: hexWord,
  advice: oneOf(madviseAdvice),
});
export const mlock2 = syscall('mlock2', { addr: hexWord, length: hexWord, flags: hexWord });
export const mseal = syscall('mseal', { addr: hexWord, length: hexWord, flags: hexWord });
export const brk = syscall('brk', { addr: hexWord }, 'address');
export const processVmReadv = syscall(
  'process_vm_readv',
  { pid: int, local_iov: data, liovcnt: uint, remote_iov: data, riovcnt: uint, flags: hexWord },
  'count',
);
export const processVmWritev = syscall(
  'process_vm_writev',
  { pid: int, local_iov: data, liovcnt: uint, remote_iov: data, riovcnt: uint, flags: hexWord },
  'count',
);
export const pagemapScan = syscall('ioctl', { fd: fdParam, request: hexWord, arg: out }, 'count');
