/** The first image: format version, and what holds for the whole tree. */
import {
  bool,
  enumeration,
  message,
  optional,
  repeated,
  required,
  string,
  uint32,
  word,
} from '../schema.js';
import { task_kobj_ids_entry } from './core.js';

export const lsmtype = enumeration('lsmtype', {
  NO_LSM: 0,
  SELINUX: 1,
  APPARMOR: 2,
});

export const plugins_entry = message('plugins_entry', () => ({
  plugins: repeated(12, string),
}));

export const inventory_entry = message('inventory_entry', () => ({
  img_version: required(1, uint32),
  fdinfo_per_id: optional(2, bool),
  root_ids: optional(3, task_kobj_ids_entry),
  ns_per_id: optional(4, bool),
  root_cg_set: optional(5, uint32),
  lsmtype: optional(6, lsmtype),
  dump_uptime: optional(8, word),
  pre_dump_mode: optional(9, uint32),
  tcp_close: optional(10, bool),
  network_lock_method: optional(11, uint32),
  plugins_entry: optional(12, plugins_entry),
  dump_criu_run_id: optional(13, string),
  allow_uprobes: optional(14, bool),
}));
