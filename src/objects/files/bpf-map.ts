/**
 * Maps of bpf(2), arrays and hashes, with their elements. All descriptors of a map are made by one process: the map, its
 * elements, then each description by the map's new number, which the kernel gives.
 */
import { IMAGES } from '../../images/catalogue.js';
import type { bpfmap_file_entry } from '../../images/messages/bpfmap-file.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import type { MessageValue } from '../../images/schema.js';
import { errnoName } from '../../linux/errno.js';
import type { StructValue } from '../../linux/struct.js';
import { bpf, bpfFd } from '../../linux/syscalls/bpf.js';
import {
  BPF_F_MMAPABLE,
  BPF_F_NO_PREALLOC,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_F_WRONLY_PROG,
  BPF_F_ZERO_SEED,
  BPF_MAP_CREATE,
  BPF_MAP_FREEZE,
  BPF_MAP_GET_FD_BY_ID,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_OBJ_GET_INFO_BY_FD,
  bpf_id,
  bpf_info,
  bpf_map_create,
  bpf_map_info,
} from '../../linux/uapi/bpf.js';
import { O_ACCMODE, O_RDONLY, O_WRONLY } from '../../linux/uapi/fcntl.js';
import { fromCString, u32Bytes } from '../../support/bytes.js';
import { external, refused, unsupported } from '../../support/errors.js';
import { cString } from '../../support/text.js';
import { type DescriptionView, defineFileKind } from '../kinds.js';
import type { DumpPort, KernelPort } from '../ports.js';
import { commonFields, setFlags } from './anonymous.js';
import { copyElements, type Elements, refillElements } from './bpf-elements.js';
import { programUsing } from './bpf-programs.js';

type MapEntry = MessageValue<typeof bpfmap_file_entry>;

interface MapSeen {
  info: StructValue<typeof bpf_map_info>;
  elements: Elements;
}

const SAVED_FLAGS =
  BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG | BPF_F_MMAPABLE;

function observe(port: DumpPort, [view]: readonly DescriptionView[]): MapSeen {
  const { fdinfo } = view as DescriptionView;
  verifyType(fdinfo.dec('map_type'));
  const id = fdinfo.dec('map_id');
  const attr = bpf_id.encode({ id });
  // Not the program's own descriptor, by which the map may not be readable.
  const fd = port.attempt(bpfFd, { cmd: BPF_MAP_GET_FD_BY_ID, attr, size: bpf_id.size });
  if (fd < 0) {
    throw refused(`map ${id} cannot be opened: ${errnoName(-fd)}`, {
      remedy: 'run as root, or with CAP_SYS_ADMIN',
    });
  }
  port.adopt(fd);
  const info = readInfo(port, fd);
  verifyInfo(port, info);
  const elements = copyElements(port, fd, info);
  port.drop(fd);
  return { info, elements };
}

function verifyType(type: number): void {
  if (type === BPF_MAP_TYPE_ARRAY || type === BPF_MAP_TYPE_HASH) return;
  throw unsupported(`it is a BPF map of type ${type}: only arrays and hashes are saved`, {
    remedy: 'close it before the checkpoint',
  });
}

function readInfo(port: KernelPort, fd: number): StructValue<typeof bpf_map_info> {
  using scope = port.scope();
  const info = scope.alloc(bpf_map_info.size);
  const attr = bpf_info.encode({ bpf_fd: fd, info_len: info.length, info: info.address });
  port.call(bpf, { cmd: BPF_OBJ_GET_INFO_BY_FD, attr, size: bpf_info.size });
  return bpf_map_info.decode(info.bytes);
}

function verifyInfo(port: KernelPort, info: MapSeen['info']): void {
  const { id, map_flags, btf_id, btf_vmlinux_value_type_id, ifindex } = info;
  const unknown = map_flags & ~SAVED_FLAGS;
  const remedy = 'close it before the checkpoint';
  if (unknown !== 0) {
    throw unsupported(`its BPF map has flags 0x${unknown.toString(16)}, which are not saved`, {
      remedy,
    });
  }
  if (btf_id !== 0 || btf_vmlinux_value_type_id !== 0) {
    throw unsupported('its BPF map has type information (BTF), which is not saved', { remedy });
  }
  if (ifindex !== 0) {
    throw unsupported(`its BPF map is on network device ${ifindex}`, { remedy });
  }
  const program = programUsing(port, id);
  if (program === undefined) return;
  throw external(`its BPF map is used by BPF program ${program}, outside the tree`, {
    remedy: 'detach the program, or close the map, before the checkpoint',
  });
}

const objectOf = ({ map_id }: MapEntry): string => `BPF map ${map_id}`;

export const bpfMap = defineFileKind<MapEntry, MapSeen, number>({
  name: 'BPF map',
  fdType: fd_types.BPFMAP,
  unionField: 'bpf',
  recognize: [{ anonInode: 'bpf-map' }],
  groupOf: ({ fdinfo }) => fdinfo.text('map_id'),
  observe,
  inspect({ id, description, seen: { info, elements } }) {
    const { fdinfo } = description;
    const { id: map_id, key_size, value_size, max_entries, map_flags, map_extra } = info;
    const { count, keys, values } = elements;
    const value = { map_id, keys_bytes: keys.length, values_bytes: values.length, count };
    const entry: MapEntry = {
      ...commonFields(id, description),
      pos: BigInt.asUintN(64, fdinfo.pos),
      map_type: info.type,
      ...{ key_size, value_size, map_id, max_entries, map_flags },
      memlock: fdinfo.dec('memlock'),
      frozen: fdinfo.flag('frozen') ?? false,
      map_name: fromCString(info.name),
      ifindex: 0,
      map_extra,
    };
    const blocks = { keys, values };
    return {
      entry,
      resources: [{ image: IMAGES.BPFMAP_DATA, key: `bpf ${map_id}`, value, blocks }],
    };
  },
  resourceOf: ({ map_id }) => `bpf ${map_id}`,
  make({ entries: [first], process, context, files }) {
    const entry = first as MapEntry;
    const { map_type, key_size, value_size, max_entries, map_flags, map_name, map_id } = entry;
    verifyType(map_type);
    const object = objectOf(entry);
    const { track } = process;
    const attr = bpf_map_create.encode({
      ...{ map_type, key_size, value_size, max_entries, map_flags },
      map_name: cString(map_name).subarray(0, -1),
      map_extra: entry.map_extra ?? 0n,
    });
    const size = bpf_map_create.size;
    const fd = track.newFd(bpfFd, { cmd: BPF_MAP_CREATE, attr, size }, { object });
    const saved = context.images
      .entries(IMAGES.BPFMAP_DATA)
      .find(({ value }) => value.map_id === map_id);
    refillElements(saved, { process, files, fd, size: entry, object });
    if (entry.frozen) {
      track.call(bpf, { cmd: BPF_MAP_FREEZE, attr: u32Bytes(fd), size: 4 }, { object });
    }
    return fd;
  },
  open({ entry, process: { track }, made }) {
    const object = objectOf(entry);
    // The kernel puts the map's type and number where the number is wanted next: struct bpf_map_info over bpf_id.
    const overlaid = new Uint8Array(4 + bpf_id.size);
    overlaid.set(bpf_id.encode({ open_flags: openFlags(entry.flags) }), 4);
    const info = track.memory.store(overlaid, 8);
    const ask = bpf_info.encode({ bpf_fd: made, info_len: 8, info });
    track.call(bpf, { cmd: BPF_OBJ_GET_INFO_BY_FD, attr: ask, size: bpf_info.size }, { object });
    const attr = info + bpf_map_info.offsets.id;
    const args = { cmd: BPF_MAP_GET_FD_BY_ID, attr, size: bpf_id.size };
    const fd = track.newFd(bpfFd, args, { object });
    setFlags(track, fd, entry.flags, object);
    return fd;
  },
});

function openFlags(flags: number): number {
  const access = flags & O_ACCMODE;
  if (access === O_RDONLY) return BPF_F_RDONLY;
  return access === O_WRONLY ? BPF_F_WRONLY : 0;
}
