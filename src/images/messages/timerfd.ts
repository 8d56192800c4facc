/** timerfd_create(2): interval and time left, and expirations not yet read. */
import { message, optional, required, uint32, uint64, word } from '../schema.js';
import { fown_entry } from './fown.js';

export const timerfd_entry = message('timerfd_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32, { hex: true }),
  fown: required(3, fown_entry),
  clockid: required(4, uint32),
  ticks: required(5, uint64),
  settime_flags: required(6, uint32, { hex: true }),
  vsec: required(7, word),
  vnsec: required(8, word),
  isec: required(9, word),
  insec: required(10, word),
  /** Ours, as are all from 20000 on: when an absolute timer expires, on its clock as the program sees it. */
  expires_sec: optional(20000, word),
  expires_nsec: optional(20001, word),
}));
