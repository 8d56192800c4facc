/** System calls on descriptors that tell of events: eventfd, signalfd, timerfd, epoll, inotify. */
import { data, flags, int, syscall, uint } from '../syscall.js';
import { eventfdFlags, signalfdFlags } from '../uapi/events.js';

export const eventfd2 = syscall('eventfd2', { initval: uint, flags: flags(eventfdFlags) }, 'fd');
/** `mask` points to the kernel's sigset_t; `fd` -1 makes a new one. */
export const signalfd4 = syscall(
  'signalfd4',
  { fd: int, mask: data, sizemask: uint, flags: flags(signalfdFlags) },
  'fd',
);
