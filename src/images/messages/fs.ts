/** Working directory, root and umask. */
import { message, optional, required, uint32 } from '../schema.js';

export const fs_entry = message('fs_entry', () => ({
  cwd_id: required(1, uint32),
  root_id: required(2, uint32),
  umask: optional(3, uint32),
}));
