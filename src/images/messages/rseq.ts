/** A thread's restartable sequence registration (rseq(2)). */
import { message, optional, required, uint32, word } from '../schema.js';

export const rseq_entry = message('rseq_entry', () => ({
  rseq_abi_pointer: required(1, word),
  rseq_abi_size: required(2, uint32),
  signature: required(3, uint32),
  rseq_cs_pointer: optional(4, word),
}));
