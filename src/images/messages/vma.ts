/** A mapping. `fd` is -1 or a file's id, `pgoff` is in bytes. */
import {
  bool,
  message,
  optional,
  required,
  signedWord,
  string,
  uint32,
  uint64,
  word,
} from '../schema.js';

export const vma_entry = message('vma_entry', () => ({
  start: required(1, word, { hex: true }),
  end: required(2, word, { hex: true }),
  pgoff: required(3, word),
  shmid: required(4, uint64),
  prot: required(5, uint32, { flags: 'mmap.prot' }),
  flags: required(6, uint32, { flags: 'mmap.flags' }),
  status: required(7, uint32, { flags: 'mmap.status' }),
  fd: required(8, signedWord),
  madv: optional(9, uint64, { hex: true }),
  fdflags: optional(10, uint32, { hex: true }),
  /** prctl(PR_SET_VMA_ANON_NAME). */
  anon_name: optional(20000, string),
  /** mlock2(MLOCK_ONFAULT); MAP_LOCKED is in `flags`, too. */
  locked_on_fault: optional(20001, bool),
  /** mseal(2). */
  sealed: optional(20002, bool),
  /** Counted as committed memory though it cannot be written: it could be, once. */
  accounted: optional(20003, bool),
  /** The size of a shared anonymous object that reaches beyond all its mappings. */
  object_size: optional(20004, word),
}));
