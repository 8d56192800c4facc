/** The cgroups of the tree: which task is where, and what the directories were set to. */
import {
  bool,
  type Message,
  type MessageValue,
  message,
  optional,
  repeated,
  required,
  string,
  uint32,
} from '../schema.js';

export const cgroup_perms = message('cgroup_perms', () => ({
  mode: required(1, uint32),
  uid: required(2, uint32),
  gid: required(3, uint32),
}));

export const cgroup_prop_entry = message('cgroup_prop_entry', () => ({
  name: required(1, string),
  value: required(2, string),
  perms: optional(3, cgroup_perms),
}));

/** Directories nest. */
export interface CgroupDirectory {
  dir_name: string;
  children: CgroupDirectory[];
  properties: MessageValue<typeof cgroup_prop_entry>[];
  dir_perms?: MessageValue<typeof cgroup_perms> | undefined;
}

export const cgroup_dir_entry: Message<CgroupDirectory> = message('cgroup_dir_entry', () => ({
  dir_name: required(1, string),
  children: repeated(2, (): Message<CgroupDirectory> => cgroup_dir_entry),
  properties: repeated(3, cgroup_prop_entry),
  dir_perms: optional(4, cgroup_perms),
}));

export const cg_controller_entry = message('cg_controller_entry', () => ({
  cnames: repeated(1, string),
  dirs: repeated(2, cgroup_dir_entry),
  is_threaded: optional(3, bool),
}));

export const cg_member_entry = message('cg_member_entry', () => ({
  name: required(1, string),
  path: required(2, string),
  cgns_prefix: optional(3, uint32),
}));

export const cg_set_entry = message('cg_set_entry', () => ({
  id: required(1, uint32),
  ctls: repeated(2, cg_member_entry),
}));

export const cgroup_entry = message('cgroup_entry', () => ({
  sets: repeated(1, cg_set_entry),
  controllers: repeated(2, cg_controller_entry),
}));
