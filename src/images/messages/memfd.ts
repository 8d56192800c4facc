/** memfd_create(2), and the inodes behind memfds and shared anonymous memory. */
import { message, optional, required, string, uint32, uint64, word } from '../schema.js';
import { fown_entry } from './fown.js';

export const memfd_file_entry = message('memfd_file_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32, { flags: 'rfile.flags' }),
  pos: required(3, uint64),
  fown: required(4, fown_entry),
  inode_id: required(5, uint32),
}));

export const memfd_inode_entry = message('memfd_inode_entry', () => ({
  name: required(1, string),
  uid: required(2, uint32),
  gid: required(3, uint32),
  size: required(4, word),
  shmid: required(5, uint32),
  seals: required(6, uint32, { flags: 'seals.flags' }),
  inode_id: required(7, word),
  hugetlb_flag: optional(8, uint32),
  mode: optional(9, uint32),
}));
