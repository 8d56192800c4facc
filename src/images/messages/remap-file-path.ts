/** An open file that is no longer where it was opened, and what stands for it. */
import { enumeration, message, optional, required, uint32 } from '../schema.js';

export const remap_type = enumeration('remap_type', {
  LINKED: 0,
  GHOST: 1,
  PROCFS: 2,
});

export const remap_file_path_entry = message('remap_file_path_entry', () => ({
  orig_id: required(1, uint32),
  remap_id: required(2, uint32),
  remap_type: optional(3, remap_type),
}));
