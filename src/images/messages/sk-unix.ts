/** unix(7) sockets. A name is raw bytes: it may begin with NUL, and ends with one when it is a path. */
import { bool, bytes, message, optional, required, sint32, string, uint32 } from '../schema.js';
import { fown_entry } from './fown.js';
import { sk_opts_entry, sk_shutdown } from './sk-opts.js';

export const file_perms_entry = message('file_perms_entry', () => ({
  mode: required(1, uint32),
  uid: required(2, uint32),
  gid: required(3, uint32),
}));

export const unix_sk_entry = message('unix_sk_entry', () => ({
  id: required(1, uint32),
  ino: required(2, uint32),
  type: required(3, uint32, { dict: 'sk' }),
  state: required(4, uint32, { dict: 'sk' }),
  flags: required(5, uint32, { hex: true }),
  uflags: required(6, uint32, { hex: true }),
  backlog: required(7, uint32),
  peer: required(8, uint32),
  fown: required(9, fown_entry),
  opts: required(10, sk_opts_entry),
  name: required(11, bytes, { conv: 'unix_name' }),
  shutdown: optional(12, sk_shutdown),
  file_perms: optional(13, file_perms_entry),
  name_dir: optional(14, string),
  deleted: optional(15, bool),
  ns_id: optional(16, uint32),
  mnt_id: optional(17, sint32, { default: '-1' }),
}));
