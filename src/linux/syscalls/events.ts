/** System calls on descriptors that tell of events: eventfd, signalfd, timerfd, epoll, inotify. */
import {
  data,
  fdParam,
  flags,
  hexWord,
  int,
  oneOf,
  out,
  path,
  pointerTo,
  syscall,
  uint,
} from '../syscall.js';
import {
  epoll_event,
  epollOps,
  eventfdFlags,
  fanotifyMarkFlags,
  inotifyFlags,
  signalfdFlags,
  timerfdFlags,
  timerfdSettimeFlags,
} from '../uapi/events.js';
import { clocks, itimerspec } from '../uapi/sched.js';

export const eventfd2 = syscall('eventfd2', { initval: uint, flags: flags(eventfdFlags) }, 'fd');
/** `mask` points to the kernel's sigset_t; `fd` -1 makes a new one. */
export const signalfd4 = syscall(
  'signalfd4',
  { fd: int, mask: data, sizemask: uint, flags: flags(signalfdFlags) },
  'fd',
);
export const timerfdCreate = syscall(
  'timerfd_create',
  { clockid: oneOf(clocks), flags: flags(timerfdFlags) },
  'fd',
);
export const timerfdSettime = syscall('timerfd_settime', {
  fd: fdParam,
  flags: flags(timerfdSettimeFlags),
  new_value: pointerTo(itimerspec),
  old_value: out,
});
export const timerfdGettime = syscall('timerfd_gettime', { fd: fdParam, curr_value: out });
export const epollCreate1 = syscall('epoll_create1', { flags: hexWord }, 'fd');
export const epollWait = syscall(
  'epoll_wait',
  { epfd: fdParam, events: data, maxevents: uint, timeout: int },
  'count',
);
export const epollCtl = syscall('epoll_ctl', {
  epfd: fdParam,
  op: oneOf(epollOps),
  fd: fdParam,
  event: pointerTo(epoll_event),
});
export const inotifyInit1 = syscall('inotify_init1', { flags: flags(inotifyFlags) }, 'fd');
/** Returns the watch's number, from 1 on. */
export const inotifyAddWatch = syscall(
  'inotify_add_watch',
  { fd: fdParam, pathname: path, mask: hexWord },
  'value',
);
export const inotifyRmWatch = syscall('inotify_rm_watch', { fd: fdParam, wd: int });
export const fanotifyInit = syscall(
  'fanotify_init',
  { flags: hexWord, event_f_flags: hexWord },
  'fd',
);
export const fanotifyMark = syscall('fanotify_mark', {
  fd: fdParam,
  flags: flags(fanotifyMarkFlags),
  mask: hexWord,
  dirfd: fdParam,
  pathname: path,
});
