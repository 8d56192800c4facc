/** pidfd_open(2). */
import { int32, message, required, uint32 } from '../schema.js';
import { fown_entry } from './fown.js';

export const pidfd_entry = message('pidfd_entry', () => ({
  id: required(1, uint32),
  ino: required(2, uint32),
  flags: required(3, uint32),
  nspid: required(4, int32),
  fown: required(5, fown_entry),
}));
