/** Requests to terminals that ioctl(2) alone would print badly. */
import { fdParam, flags, hexWord, syscall, uint } from '../syscall.js';
import { openFlags } from '../uapi/fcntl.js';

/** TIOCGPTPEER: a new descriptor. */
export const openPeer = syscall(
  'ioctl',
  { fd: fdParam, request: hexWord, flags: flags(openFlags) },
  'fd',
);
/** Requests whose argument is a number, not an address. */
export const ioctlNumber = syscall('ioctl', { fd: fdParam, request: hexWord, arg: uint }, 'value');
