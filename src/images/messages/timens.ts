/** A time namespace's clocks at the dump. */
import { message, required, word } from '../schema.js';

export const timespec = message('timespec', () => ({
  tv_sec: required(1, word),
  tv_nsec: required(2, word),
}));

export const timens_entry = message('timens_entry', () => ({
  monotonic: required(1, timespec),
  boottime: required(2, timespec),
}));
