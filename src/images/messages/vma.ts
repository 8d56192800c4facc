/** A mapping. `fd` is -1 or a file's id, `pgoff` is in bytes. */
import { message, optional, required, signedWord, uint32, uint64, word } from '../schema.js';

export const vma_entry = message('vma_entry', {
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
});
