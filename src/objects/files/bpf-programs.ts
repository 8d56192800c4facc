/** Whether a program in the kernel uses a BPF map: then the map is not the tree's alone. */
import { ENOENT, errnoName } from '../../linux/errno.js';
import { bpf, bpfFd } from '../../linux/syscalls/bpf.js';
import { close } from '../../linux/syscalls/files.js';
import {
  BPF_OBJ_GET_INFO_BY_FD,
  BPF_PROG_GET_FD_BY_ID,
  BPF_PROG_GET_NEXT_ID,
  bpf_id,
  bpf_info,
  bpf_prog_info,
} from '../../linux/uapi/bpf.js';
import { viewOf } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';

/** A program's limit in the kernel (MAX_USED_MAPS) is 64; more could come. */
const MOST_MAPS = 1024;

/** The number of the first program that uses the map; undefined: none. */
export function programUsing(port: KernelPort, mapId: number): number | undefined {
  for (let id = nextProgram(port, 0); id !== undefined; id = nextProgram(port, id)) {
    if (mapsOf(port, id).includes(mapId)) return id;
  }
  return undefined;
}

function nextProgram(port: KernelPort, id: number): number | undefined {
  using scope = port.scope();
  const attr = scope.alloc(bpf_id.size);
  attr.bytes.set(bpf_id.encode({ id }));
  const args = { cmd: BPF_PROG_GET_NEXT_ID, attr, size: bpf_id.size };
  if (port.attempt(bpf, args) === -ENOENT) return undefined;
  const { next_id } = bpf_id.decode(attr.bytes);
  return next_id > id ? next_id : undefined;
}

function mapsOf(port: KernelPort, id: number): number[] {
  const attr = bpf_id.encode({ id });
  const fd = port.attempt(bpfFd, { cmd: BPF_PROG_GET_FD_BY_ID, attr, size: bpf_id.size });
  // It was unloaded meanwhile.
  if (fd === -ENOENT) return [];
  if (fd < 0) throw refused(`BPF program ${id} cannot be looked at: ${errnoName(-fd)}`);
  using scope = port.scope();
  const maps = scope.alloc(MOST_MAPS * 4);
  const info = scope.alloc(bpf_prog_info.size);
  info.bytes.set(bpf_prog_info.encode({ nr_map_ids: MOST_MAPS, map_ids: maps.address }));
  const ask = bpf_info.encode({ bpf_fd: fd, info_len: info.length, info: info.address });
  try {
    port.call(bpf, { cmd: BPF_OBJ_GET_INFO_BY_FD, attr: ask, size: bpf_info.size });
  } finally {
    port.attempt(close, { fd });
  }
  const { nr_map_ids } = bpf_prog_info.decode(info.bytes);
  const view = viewOf(maps.bytes);
  return Array.from({ length: Math.min(nr_map_ids, MOST_MAPS) }, (_, i) =>
    view.getUint32(i * 4, true),
  );
}
