/** linux/bpf.h: the parts of union bpf_attr that concern maps, and what the kernel tells of maps and programs. */
import { bytes, struct, u32, u64, word } from '../struct.js';

export const BPF_MAP_CREATE = 0;
export const BPF_PROG_GET_NEXT_ID = 11;
export const BPF_PROG_GET_FD_BY_ID = 13;
export const BPF_MAP_GET_FD_BY_ID = 14;
export const BPF_OBJ_GET_INFO_BY_FD = 15;
export const BPF_MAP_FREEZE = 22;
export const BPF_MAP_LOOKUP_BATCH = 24;
export const BPF_MAP_UPDATE_BATCH = 26;
export const bpfCommands = {
  BPF_MAP_CREATE,
  BPF_PROG_GET_NEXT_ID,
  BPF_PROG_GET_FD_BY_ID,
  BPF_MAP_GET_FD_BY_ID,
  BPF_OBJ_GET_INFO_BY_FD,
  BPF_MAP_FREEZE,
  BPF_MAP_LOOKUP_BATCH,
  BPF_MAP_UPDATE_BATCH,
};

export const BPF_MAP_TYPE_HASH = 1;
export const BPF_MAP_TYPE_ARRAY = 2;

export const BPF_F_NO_PREALLOC = 0x1;
export const BPF_F_RDONLY = 0x8;
export const BPF_F_WRONLY = 0x10;
export const BPF_F_ZERO_SEED = 0x40;
export const BPF_F_RDONLY_PROG = 0x80;
export const BPF_F_WRONLY_PROG = 0x100;
export const BPF_F_MMAPABLE = 0x400;

export const BPF_OBJ_NAME_LEN = 16;

export const bpf_map_create = struct(
  'bpf_attr of BPF_MAP_CREATE',
  {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: bytes(BPF_OBJ_NAME_LEN),
    map_ifindex: u32,
    btf_fd: u32,
    btf_key_type_id: u32,
    btf_value_type_id: u32,
    btf_vmlinux_value_type_id: u32,
    map_extra: u64,
  },
  { size: 72 },
);
export const bpf_batch = struct(
  'bpf_attr of BPF_MAP_*_BATCH',
  {
    in_batch: word,
    out_batch: word,
    keys: word,
    values: word,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
  },
  { size: 56 },
);
export const bpf_info = struct(
  'bpf_attr of BPF_OBJ_GET_INFO_BY_FD',
  { bpf_fd: u32, info_len: u32, info: word },
  { size: 16 },
);
/** Of BPF_*_GET_FD_BY_ID and BPF_*_GET_NEXT_ID. */
export const bpf_id = struct(
  'bpf_attr of BPF_*_GET_*_ID',
  { id: u32, next_id: u32, open_flags: u32 },
  { size: 12 },
);
export const bpf_map_info = struct(
  'bpf_map_info',
  {
    type: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    name: bytes(BPF_OBJ_NAME_LEN),
    ifindex: u32,
    btf_vmlinux_value_type_id: u32,
    netns_dev: u64,
    netns_ino: u64,
    btf_id: u32,
    btf_key_type_id: u32,
    btf_value_type_id: u32,
    btf_vmlinux_id: u32,
    map_extra: u64,
  },
  { size: 88 },
);
/** What it begins with. */
export const bpf_prog_info = struct(
  'bpf_prog_info',
  {
    type: u32,
    id: u32,
    tag: bytes(8),
    jited_prog_len: u32,
    xlated_prog_len: u32,
    jited_prog_insns: u64,
    xlated_prog_insns: u64,
    load_time: u64,
    created_by_uid: u32,
    nr_map_ids: u32,
    map_ids: word,
  },
  { size: 64 },
);
