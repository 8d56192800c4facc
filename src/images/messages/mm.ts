/** An address space: the layout of the program, the auxiliary vector, the mappings. */
import {
  bool,
  int32,
  message,
  optional,
  repeated,
  required,
  uint32,
  uint64,
  word,
} from '../schema.js';
import { vma_entry } from './vma.js';

export const aio_ring_entry = message('aio_ring_entry', () => ({
  id: required(1, word),
  nr_req: required(2, uint32),
  ring_len: required(3, uint32),
}));

export const mm_entry = message('mm_entry', () => ({
  mm_start_code: required(1, word, { hex: true }),
  mm_end_code: required(2, word, { hex: true }),
  mm_start_data: required(3, word, { hex: true }),
  mm_end_data: required(4, word, { hex: true }),
  mm_start_stack: required(5, word, { hex: true }),
  mm_start_brk: required(6, word, { hex: true }),
  mm_brk: required(7, word, { hex: true }),
  mm_arg_start: required(8, word, { hex: true }),
  mm_arg_end: required(9, word, { hex: true }),
  mm_env_start: required(10, word, { hex: true }),
  mm_env_end: required(11, word, { hex: true }),
  exe_file_id: required(12, uint32),
  mm_saved_auxv: repeated(13, uint64),
  vmas: repeated(14, vma_entry),
  dumpable: optional(15, int32),
  aios: repeated(16, aio_ring_entry),
  thp_disabled: optional(17, bool),
  /** Ours, as are all from 20000 on: /proc/PID/coredump_filter. Absent: 0x33, the kernel's default. */
  coredump_filter: optional(20010, uint32, { hex: true }),
  /** PR_SET_MDWE. */
  mdwe: optional(20011, uint32),
  /** PR_SET_MEMORY_MERGE. */
  memory_merge: optional(20012, bool),
  /** The flags beside thp_disabled: PR_THP_DISABLE_EXCEPT_ADVISED, Linux 6.18. */
  thp_disable_flags: optional(20013, uint32),
  /** Ours: slots of the private futex hash, if the program chose them; 0: it uses the one that all share. */
  futex_hash_slots: optional(20014, uint32),
}));
