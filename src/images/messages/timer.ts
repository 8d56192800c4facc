/** Interval timers (seconds and microseconds) and POSIX timers (seconds and nanoseconds): interval and time left. */
import { int32, message, optional, repeated, required, uint32, uint64, word } from '../schema.js';

export const itimer_entry = message('itimer_entry', () => ({
  isec: required(1, word),
  iusec: required(2, word),
  vsec: required(3, word),
  vusec: required(4, word),
}));

export const posix_timer_entry = message('posix_timer_entry', () => ({
  it_id: required(1, uint32),
  clock_id: required(2, uint32),
  si_signo: required(3, uint32),
  it_sigev_notify: required(4, uint32),
  sival_ptr: required(5, uint64),
  overrun: required(6, uint32),
  isec: required(7, word),
  insec: required(8, word),
  vsec: required(9, word),
  vnsec: required(10, word),
  notify_thread_id: optional(11, int32),
  // CLOCK_THREAD_CPUTIME_ID: the thread that made it; without it the main thread.
  cpu_thread_id: optional(20000, int32),
  // CLOCK_REALTIME: when it runs off next, if it was set to an absolute time.
  expires_sec: optional(20001, word),
  expires_nsec: optional(20002, word),
}));

export const task_timers_entry = message('task_timers_entry', () => ({
  real: required(1, itimer_entry),
  virt: required(2, itimer_entry),
  prof: required(3, itimer_entry),
  posix: repeated(4, posix_timer_entry),
}));
