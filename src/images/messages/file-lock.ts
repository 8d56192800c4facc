/** A lock on a file. start and len are raw words: any 63-bit offset can be locked, and Samba does. */
import { int32, int64, message, required, uint32 } from '../schema.js';

export const file_lock_entry = message('file_lock_entry', () => ({
  flag: required(1, uint32),
  type: required(2, uint32),
  pid: required(3, int32),
  fd: required(4, int32),
  start: required(5, int64),
  len: required(6, int64),
}));
