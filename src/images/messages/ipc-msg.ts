/** System V message queues; the messages follow the entry. */
import { message, required, uint32, uint64 } from '../schema.js';
import { ipc_desc_entry } from './ipc-desc.js';

export const ipc_msg = message('ipc_msg', () => ({
  mtype: required(1, uint64),
  msize: required(2, uint32),
}));

export const ipc_msg_entry = message('ipc_msg_entry', () => ({
  desc: required(1, ipc_desc_entry),
  qbytes: required(2, uint32),
  qnum: required(3, uint32),
}));
