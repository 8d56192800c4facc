/** signalfd(2). */
import { message, required, uint32, uint64 } from '../schema.js';
import { fown_entry } from './fown.js';

export const signalfd_entry = message('signalfd_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32, { hex: true }),
  fown: required(3, fown_entry),
  sigmask: required(4, uint64, { hex: true }),
}));
