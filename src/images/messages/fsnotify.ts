/** inotify(7) and fanotify(7): instances and marks. */
import {
  bool,
  enumeration,
  message,
  optional,
  repeated,
  required,
  string,
  uint32,
  uint64,
} from '../schema.js';
import { fh_entry } from './fh.js';
import { fown_entry } from './fown.js';

export const mark_type = enumeration('mark_type', {
  INODE: 1,
  MOUNT: 2,
});

export const inotify_wd_entry = message('inotify_wd_entry', () => ({
  id: required(1, uint32),
  i_ino: required(2, uint64),
  mask: required(3, uint32, { hex: true }),
  ignored_mask: required(4, uint32, { hex: true }),
  s_dev: required(5, uint32, { dev: true }),
  wd: required(6, uint32),
  f_handle: required(7, fh_entry),
  /** Ours: the file is deleted, and open under this id of files.img. */
  file_id: optional(20000, uint32),
}));

export const inotify_file_entry = message('inotify_file_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32, { hex: true }),
  fown: required(4, fown_entry),
  wd: repeated(5, inotify_wd_entry),
  /** Ours: events had not been read, and are lost. */
  lost: optional(20000, bool),
}));

export const fanotify_inode_mark_entry = message('fanotify_inode_mark_entry', () => ({
  i_ino: required(1, uint64),
  f_handle: required(2, fh_entry),
  /** Ours: as that of inotify_wd_entry. */
  file_id: optional(20000, uint32),
}));

export const fanotify_mount_mark_entry = message('fanotify_mount_mark_entry', () => ({
  mnt_id: required(1, uint32),
  path: optional(2, string),
}));

export const fanotify_mark_entry = message('fanotify_mark_entry', () => ({
  id: required(1, uint32),
  type: required(2, mark_type),
  mflags: required(3, uint32, { hex: true }),
  mask: required(4, uint32, { hex: true }),
  ignored_mask: required(5, uint32, { hex: true }),
  s_dev: required(6, uint32, { dev: true }),
  ie: optional(7, fanotify_inode_mark_entry),
  me: optional(8, fanotify_mount_mark_entry),
  /** Ours: a mark of type MOUNT is on the whole file system. */
  filesystem: optional(20000, bool),
}));

export const fanotify_file_entry = message('fanotify_file_entry', () => ({
  id: required(1, uint32),
  flags: required(2, uint32, { hex: true }),
  fown: required(3, fown_entry),
  faflags: required(4, uint32, { hex: true }),
  evflags: required(5, uint32, { hex: true }),
  mark: repeated(6, fanotify_mark_entry),
}));
