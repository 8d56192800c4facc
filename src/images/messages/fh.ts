/** File handles (name_to_handle_at(2)), and where their inodes were found. */
import {
  enumeration,
  message,
  optional,
  repeated,
  required,
  string,
  uint32,
  uint64,
} from '../schema.js';

export const fh_entry_sizes = enumeration('fh_entry_sizes', {
  min_entries: 16,
});

export const fh_entry = message('fh_entry', () => ({
  bytes: required(1, uint32),
  type: required(2, uint32),
  handle: repeated(3, uint64),
  path: optional(4, string),
  mnt_id: optional(5, uint32),
}));

export const irmap_cache_entry = message('irmap_cache_entry', () => ({
  dev: required(1, uint32, { dev: true, odev: true }),
  inode: required(2, uint64),
  path: required(3, string),
}));
