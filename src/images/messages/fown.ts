/** Who gets SIGIO for a descriptor: fcntl(2) F_SETOWN and F_SETSIG. */
import { message, required, uint32 } from '../schema.js';

export const fown_entry = message('fown_entry', () => ({
  uid: required(1, uint32),
  euid: required(2, uint32),
  signum: required(3, uint32),
  pid_type: required(4, uint32),
  pid: required(5, uint32),
}));
