/** A process: its ids and its threads. */
import { message, repeated, required, uint32 } from '../schema.js';

export const pstree_entry = message('pstree_entry', () => ({
  pid: required(1, uint32),
  ppid: required(2, uint32),
  pgid: required(3, uint32),
  sid: required(4, uint32),
  threads: repeated(5, uint32),
}));
