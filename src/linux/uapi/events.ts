/** linux/eventfd.h, linux/signalfd.h, linux/timerfd.h, linux/eventpoll.h, linux/inotify.h. */
import { struct, u8, u16, u32, u64 } from '../struct.js';
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

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const epollOps = { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD };
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLRDNORM = 0x40;
export const EPOLLWRNORM = 0x100;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 2 ** 28;
export const EPOLLWAKEUP = 2 ** 29;
export const EPOLLONESHOT = 2 ** 30;
export const EPOLLET = 2 ** 31;
/** Packed on x86-64 alone. */
export const epoll_event = struct(
  'epoll_event',
  { events: u32, data: u64 },
  { size: 12, packed: true },
);
export const epoll_params = struct(
  'epoll_params',
  { busy_poll_usecs: u32, busy_poll_budget: u16, prefer_busy_poll: u8, __pad: u8 },
  { size: 8 },
);
/** _IOR(0x8A, 0x02, struct epoll_params): Linux 6.9, CONFIG_NET_RX_BUSY_POLL. */
export const EPIOCGPARAMS = 0x8008_8a02;

export const inotifyFlags = { IN_NONBLOCK: O_NONBLOCK, IN_CLOEXEC: O_CLOEXEC };
export const IN_ACCESS = 0x1;
export const IN_MODIFY = 0x2;
export const IN_CLOSE_NOWRITE = 0x10;
export const IN_OPEN = 0x20;
export const IN_DONT_FOLLOW = 0x0200_0000;
/** struct inotify_event without a name. */
export const INOTIFY_EVENT_BYTES = 16;

/** linux/fanotify.h */
export const FAN_MARK_ADD = 0x1;
export const FAN_MARK_DONT_FOLLOW = 0x4;
export const FAN_MARK_MOUNT = 0x10;
export const FAN_MARK_IGNORED_MASK = 0x20;
export const FAN_MARK_IGNORED_SURV_MODIFY = 0x40;
export const FAN_MARK_FILESYSTEM = 0x100;
export const FAN_MARK_EVICTABLE = 0x200;
export const FAN_MARK_IGNORE = 0x400;
export const fanotifyMarkFlags = {
  FAN_MARK_ADD,
  FAN_MARK_DONT_FOLLOW,
  FAN_MARK_MOUNT,
  FAN_MARK_IGNORED_MASK,
  FAN_MARK_IGNORED_SURV_MODIFY,
  FAN_MARK_FILESYSTEM,
  FAN_MARK_EVICTABLE,
  FAN_MARK_IGNORE,
};
export const FAN_ONDIR = 0x4000_0000;
export const FAN_OPEN_PERM = 0x1_0000;
export const FAN_ACCESS_PERM = 0x2_0000;
export const FAN_OPEN_EXEC_PERM = 0x4_0000;
export const FAN_PRE_ACCESS = 0x10_0000;
