/** System V semaphore sets; the values follow the entry. */
import { message, required, uint32 } from '../schema.js';
import { ipc_desc_entry } from './ipc-desc.js';

export const ipc_sem_entry = message('ipc_sem_entry', () => ({
  desc: required(1, ipc_desc_entry),
  nsems: required(2, uint32),
}));
