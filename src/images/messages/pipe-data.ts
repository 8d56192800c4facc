/** What is queued in a pipe; `bytes` raw bytes follow the entry. */
import { message, optional, repeated, required, uint32 } from '../schema.js';

export const pipe_data_entry = message('pipe_data_entry', () => ({
  pipe_id: required(1, uint32),
  bytes: required(2, uint32),
  size: optional(3, uint32),
  /** Ours, as are all from 20000 on: where among the bytes packets begin (O_DIRECT), and how long each is. */
  packet_offsets: repeated(20000, uint32),
  packet_lengths: repeated(20001, uint32),
}));
