/** What a signal does. Handler and restorer are kept as words: the kernel takes any value for them. */
import { bool, message, optional, required, uint64 } from '../schema.js';

export const sa_entry = message('sa_entry', () => ({
  sigaction: required(1, uint64, { hex: true }),
  flags: required(2, uint64, { hex: true }),
  restorer: required(3, uint64, { hex: true }),
  mask: required(4, uint64, { hex: true }),
  compat_sigaction: optional(5, bool),
  mask_extended: optional(6, uint64, { hex: true }),
}));
