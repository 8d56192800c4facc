/** linux/eventfd.h, linux/signalfd.h. */
import { O_CLOEXEC, O_NONBLOCK } from './fcntl.js';

export const EFD_SEMAPHORE = 1;
export const eventfdFlags = { EFD_SEMAPHORE, EFD_NONBLOCK: O_NONBLOCK, EFD_CLOEXEC: O_CLOEXEC };

export const signalfdFlags = { SFD_NONBLOCK: O_NONBLOCK, SFD_CLOEXEC: O_CLOEXEC };
/** The kernel's sigset_t: 64 bits. */
export const SIGSET_BYTES = 8;
