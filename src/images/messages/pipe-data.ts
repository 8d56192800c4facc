/** What is queued in a pipe; `bytes` raw bytes follow the entry. */
import { message, optional, required, uint32 } from '../schema.js';

export const pipe_data_entry = message('pipe_data_entry', {
  pipe_id: required(1, uint32),
  bytes: required(2, uint32),
  size: optional(3, uint32),
});
