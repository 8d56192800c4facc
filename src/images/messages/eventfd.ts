/** eventfd(2). */
import { bool, message, optional, required, uint32, uint64 } from '../schema.js';
import { fown_entry } from './fown.js';

export const eventfd_file_entry = message('eventfd_file_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32),
  fown: required(3, fown_entry),
  counter: required(4, uint64),
  /** Ours, as are all from 20000 on: EFD_SEMAPHORE, a read takes 1. */
  semaphore: optional(20000, bool),
}));
