/** System calls on files and descriptors. */
import {
  data,
  fdParam,
  flags,
  hexWord,
  int,
  octal,
  oneOf,
  out,
  path,
  pointerTo,
  syscall,
  uint,
} from '../syscall.js';
import {
  atFlags,
  fallocateFlags,
  fcntlCommands,
  flockOperations,
  openFlags,
  seekWhence,
} from '../uapi/fcntl.js';
import { timespec } from '../uapi/sched.js';

export const openat = syscall(
  'openat',
  { dirfd: fdParam, pathname: path, flags: flags(openFlags), mode: octal },
  'fd',
);
/** `handle`: struct file_handle, of a file on the mount of `mountFd`. */
export const openByHandleAt = syscall(
  'open_by_handle_at',
  { mountFd: fdParam, handle: data, flags: flags(openFlags) },
  'fd',
);
export const close = syscall('close', { fd: fdParam });
export const closeRange = syscall('close_range', { first: uint, last: uint, flags: hexWord });
export const read = syscall('read', { fd: fdParam, buf: out, count: uint }, 'count');
export const write = syscall('write', { fd: fdParam, buf: data, count: uint }, 'count');
export const pread64 = syscall(
  'pread64',
  { fd: fdParam, buf: out, count: uint, offset: uint },
  'count',
);
export const pwrite64 = syscall(
  'pwrite64',
  { fd: fdParam, buf: data, count: uint, offset: uint },
  'count',
);
export const readv = syscall('readv', { fd: fdParam, iov: data, iovcnt: uint }, 'count');
export const preadv = syscall(
  'preadv',
  { fd: fdParam, iov: data, iovcnt: uint, pos_l: uint, pos_h: uint },
  'count',
);
export const pwritev = syscall(
  'pwritev',
  { fd: fdParam, iov: data, iovcnt: uint, pos_l: uint, pos_h: uint },
  'count',
);
export const fallocate = syscall('fallocate', {
  fd: fdParam,
  mode: flags(fallocateFlags),
  offset: uint,
  len: uint,
});
export const lseek = syscall(
  'lseek',
  { fd: fdParam, offset: int, whence: oneOf(seekWhence) },
  'value',
);
export const fstat = syscall('fstat', { fd: fdParam, statbuf: out });
export const newfstatat = syscall('newfstatat', {
  dirfd: fdParam,
  pathname: path,
  statbuf: out,
  flags: flags(atFlags),
});
export const fstatfs = syscall('fstatfs', { fd: fdParam, buf: out });
export const statfsCall = syscall('statfs', { path, buf: out });
export const readlinkat = syscall(
  'readlinkat',
  { dirfd: fdParam, pathname: path, buf: out, bufsiz: uint },
  'count',
);
export const getdents64 = syscall('getdents64', { fd: fdParam, dirp: out, count: uint }, 'count');
export const unlinkat = syscall('unlinkat', {
  dirfd: fdParam,
  pathname: path,
  flags: flags(atFlags),
});
export const flock = syscall('flock', { fd: fdParam, operation: flags(flockOperations) });
export const linkat = syscall('linkat', {
  olddirfd: fdParam,
  oldpath: path,
  newdirfd: fdParam,
  newpath: path,
  flags: flags(atFlags),
});
export const fchownat = syscall('fchownat', {
  dirfd: fdParam,
  pathname: path,
  owner: uint,
  group: uint,
  flags: flags(atFlags),
});
export const fchmodat = syscall('fchmodat', { dirfd: fdParam, pathname: path, mode: octal });
export const utimensat = syscall('utimensat', {
  dirfd: fdParam,
  pathname: path,
  times: data,
  flags: flags(atFlags),
});
export const mkdirat = syscall('mkdirat', { dirfd: fdParam, pathname: path, mode: octal });
export const mknodat = syscall('mknodat', {
  dirfd: fdParam,
  pathname: path,
  mode: octal,
  dev: uint,
});
export const ftruncate = syscall('ftruncate', { fd: fdParam, length: uint });
export const fsync = syscall('fsync', { fd: fdParam });
export const dup = syscall('dup', { oldfd: fdParam }, 'fd');
export const dup3 = syscall(
  'dup3',
  { oldfd: fdParam, newfd: fdParam, flags: flags(openFlags) },
  'fd',
);
export const fcntl = syscall(
  'fcntl',
  { fd: fdParam, cmd: oneOf(fcntlCommands), arg: hexWord },
  'value',
);
/** fcntl with a struct or buffer as its argument. */
export const fcntlPtr = syscall(
  'fcntl',
  { fd: fdParam, cmd: oneOf(fcntlCommands), arg: data },
  'value',
);
export const ioctl = syscall('ioctl', { fd: fdParam, request: hexWord, argp: data }, 'value');
export const pipe2 = syscall('pipe2', { pipefd: out, flags: flags(openFlags) });
export const tee = syscall(
  'tee',
  { fd_in: fdParam, fd_out: fdParam, len: uint, flags: hexWord },
  'count',
);
export const splice = syscall(
  'splice',
  { fd_in: fdParam, off_in: data, fd_out: fdParam, off_out: data, len: uint, flags: hexWord },
  'count',
);
export const SPLICE_F_NONBLOCK = 2;
export const fchown = syscall('fchown', { fd: fdParam, user: uint, group: uint });
export const fchmod = syscall('fchmod', { fd: fdParam, mode: octal });
/** `offset` points to a u64: where in `in_fd` to begin. */
export const sendfile = syscall(
  'sendfile',
  { out_fd: fdParam, in_fd: fdParam, offset: data, count: uint },
  'count',
);
export const memfdCreate = syscall('memfd_create', { name: path, flags: hexWord }, 'fd');
export const chdir = syscall('chdir', { path });
export const fchdir = syscall('fchdir', { fd: fdParam });
export const chroot = syscall('chroot', { path });
export const umask = syscall('umask', { mask: octal }, 'value');
export const poll = syscall('poll', { fds: data, nfds: uint, timeout: int }, 'count');
export const nanosleep = syscall('nanosleep', { req: pointerTo(timespec), rem: out });
