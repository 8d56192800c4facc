/** Seccomp filters, each naming the one it was installed on top of. */
import { bytes, message, optional, repeated, required, uint32 } from '../schema.js';

export const seccomp_filter = message('seccomp_filter', () => ({
  filter: required(1, bytes),
  prev: optional(2, uint32),
  flags: optional(3, uint32),
}));

export const seccomp_entry = message('seccomp_entry', () => ({
  seccomp_filters: repeated(1, seccomp_filter),
}));
