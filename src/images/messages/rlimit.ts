/** A resource limit; RLIM_INFINITY is all ones. */
import { message, required, uint64 } from '../schema.js';

export const rlimit_entry = message('rlimit_entry', () => ({
  cur: required(1, uint64),
  max: required(2, uint64),
}));
