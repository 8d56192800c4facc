/** linux/eventfd.h, linux/signalfd.h, linux/timerfd.h. */
import { O_CLOEXEC, O_NONBLOCK } from './fcntl.js';

export const EFD_SEMAPHORE = 1;
export const eventfdFlags = { EFD_SEMAPHORE, EFD_NONBLOCK: O_NONBLOCK, EFD_CLOEXEC: O_CLOEXEC };

export const signalfdFlags = { SFD_NONBLOCK: O_NONBLOCK, SFD_CLOEXEC: O_CLOEXEC };
/** The kernel's sigset_t: 64 bits. */
export const SIGSET_BYTES = 8;

export const TFD_TIMER_ABSTIME = 1;
export const TFD_TIMER_CANCEL_ON_SET = 2;
export const timerfdSettimeFlags = { TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET };
export const timerfdFlags = { TFD_NONBLOCK: O_NONBLOCK, TFD_CLOEXEC: O_CLOEXEC };
/** _IOW('T', 0, __u64): expirations not yet read; Linux 3.17, CONFIG_CHECKPOINT_RESTORE. */
export const TFD_IOC_SET_TICKS = 0x4008_5400;
