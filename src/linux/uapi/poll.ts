/** asm-generic/poll.h, and the requests of asm-generic/ioctls.h on any file. */
import { i32, struct, u16 } from '../struct.js';

export const POLLIN = 0x1;
export const POLLPRI = 0x2;
export const POLLOUT = 0x4;
export const POLLERR = 0x8;
export const POLLHUP = 0x10;

export const pollfd = struct('pollfd', { fd: i32, events: u16, revents: u16 }, { size: 8 });

/** ioctl: how many bytes can be read; an int. */
export const FIONREAD = 0x541b;
