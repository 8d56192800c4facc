/** A descriptor of a pipe. Equal pipe_id, same pipe. */
import { bool, message, optional, required, uint32 } from '../schema.js';
import { fown_entry } from './fown.js';

export const pipe_entry = message('pipe_entry', () => ({
  id: required(1, uint32),
  pipe_id: required(2, uint32),
  flags: required(3, uint32, { hex: true }),
  fown: required(4, fown_entry),
  /** Left out: another pipe is handed in at the restore. */
  external: optional(20000, bool),
}));
