/** A descriptor of a FIFO: the pipe behind it, and the file that names it. */
import { message, optional, required, uint32 } from '../schema.js';

export const fifo_entry = message('fifo_entry', () => ({
  id: required(1, uint32),
  pipe_id: required(2, uint32),
  regf_id: optional(3, uint32),
}));
