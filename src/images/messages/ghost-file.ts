/** A deleted file that is still open: its content follows, whole or in chunks. */
import { bool, message, optional, required, string, uint32, uint64, word } from '../schema.js';
import { timeval } from './time.js';

export const ghost_file_entry = message('ghost_file_entry', () => ({
  uid: required(1, uint32),
  gid: required(2, uint32),
  mode: required(3, uint32),
  dev: optional(4, uint32, { dev: true }),
  ino: optional(5, uint64),
  rdev: optional(6, uint32, { dev: true, odev: true }),
  atim: optional(7, timeval),
  mtim: optional(8, timeval),
  chunks: optional(9, bool),
  size: optional(10, word),
  symlnk_target: optional(11, string),
}));

export const ghost_chunk_entry = message('ghost_chunk_entry', () => ({
  len: required(1, word),
  off: required(2, word),
}));
