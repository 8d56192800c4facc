/** System V shared memory segments; the content follows the entry or is in pagemaps. */
import { bool, message, optional, required, uint32, word } from '../schema.js';
import { ipc_desc_entry } from './ipc-desc.js';

export const ipc_shm_entry = message('ipc_shm_entry', () => ({
  desc: required(1, ipc_desc_entry),
  size: required(2, word),
  in_pagemaps: optional(3, bool),
  hugetlb_flag: optional(4, uint32),
}));
