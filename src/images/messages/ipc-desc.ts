/** What System V IPC objects have in common (struct ipc_perm). */
import { message, required, uint32 } from '../schema.js';

export const ipc_desc_entry = message('ipc_desc_entry', () => ({
  key: required(1, uint32),
  uid: required(2, uint32),
  gid: required(3, uint32),
  cuid: required(4, uint32),
  cgid: required(5, uint32),
  mode: required(6, uint32),
  id: required(7, uint32),
}));
