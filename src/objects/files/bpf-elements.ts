/** The elements of a BPF map, many at a time: out of the map in a dump, into a new one in a restore. */
import type { SetEntry } from '../../images/directory.js';
import type { bpfmap_data_entry } from '../../images/messages/bpfmap-data.js';
import type { MessageValue } from '../../images/schema.js';
import type { Content, StoredContent } from '../../images/store.js';
import { ENOENT, ENOSPC, errnoName } from '../../linux/errno.js';
import { bpf } from '../../linux/syscalls/bpf.js';
import { memfdCreate, pread64, write } from '../../linux/syscalls/files.js';
import { BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_BATCH, bpf_batch } from '../../linux/uapi/bpf.js';
import { MFD_CLOEXEC } from '../../linux/uapi/mman.js';
import { imageError, refused, unsupported } from '../../support/errors.js';
import type { ResourceBuild } from '../kinds.js';
import type { DumpPort, PortBuffer } from '../ports.js';
import { FileContent } from './ghost.js';

export type ElementsEntry = MessageValue<typeof bpfmap_data_entry>;

export interface MapSize {
  key_size: number;
  value_size: number;
  max_entries: number;
}

export interface Elements {
  count: number;
  keys: Content;
  values: Content;
}

const BYTES_AT_ONCE = 1 << 20;
const LARGEST_ELEMENT = 8 << 20;

const atOnce = ({ key_size, value_size, max_entries }: MapSize): number =>
  Math.max(1, Math.min(max_entries, Math.floor(BYTES_AT_ONCE / (key_size + value_size))));

/** A copy of all elements of the map `fd`. */
export function copyElements(port: DumpPort, fd: number, size: MapSize): Elements {
  const { key_size, value_size } = size;
  if (key_size + value_size > LARGEST_ELEMENT) {
    throw unsupported(`its elements of ${key_size + value_size} bytes are too large`);
  }
  const keys = makeCopy(port);
  const values = makeCopy(port);
  using scope = port.scope();
  const position = scope.alloc(Math.max(8, key_size));
  let count = 0;
  let capacity = atOnce(size);
  for (let isFirst = true; ; ) {
    const { result, copied } = copySome(port, {
      fd,
      size,
      capacity,
      isFirst,
      position,
      keys,
      values,
    });
    if (result === -ENOSPC) {
      // A bucket of a hash map comes whole.
      capacity *= 2;
      continue;
    }
    if (result < 0 && result !== -ENOENT) {
      throw refused(`its elements cannot be read: ${errnoName(-result)}`);
    }
    isFirst = false;
    count += copied;
    if (result === -ENOENT) break;
  }
  return {
    count,
    keys: contentOfCopy(port, keys, count * key_size),
    values: contentOfCopy(port, values, count * value_size),
  };
}

interface Part {
  fd: number;
  size: MapSize;
  capacity: number;
  isFirst: boolean;
  /** Where the kernel goes on. */
  position: PortBuffer;
  keys: number;
  values: number;
}

/** `result` is -ENOENT with the last elements. */
function copySome(
  port: DumpPort,
  { fd, size: { key_size, value_size }, capacity, isFirst, position, keys, values }: Part,
): { result: number; copied: number } {
  using scope = port.scope();
  const keyBytes = scope.alloc(capacity * key_size);
  const valueBytes = scope.alloc(capacity * value_size);
  const attr = scope.alloc(bpf_batch.size);
  attr.bytes.set(
    bpf_batch.encode({
      in_batch: isFirst ? 0 : position.address,
      out_batch: position.address,
      keys: keyBytes.address,
      values: valueBytes.address,
      count: capacity,
      map_fd: fd,
    }),
  );
  const args = { cmd: BPF_MAP_LOOKUP_BATCH, attr, size: bpf_batch.size };
  const result = port.attempt(bpf, args);
  if (result < 0 && result !== -ENOENT) return { result, copied: 0 };
  const { count } = bpf_batch.decode(attr.bytes);
  append(port, keys, { address: keyBytes.address, length: count * key_size });
  append(port, values, { address: valueBytes.address, length: count * value_size });
  return { result, copied: count };
}

function makeCopy(port: DumpPort): number {
  const fd = port.call(memfdCreate, { name: 'elements', flags: MFD_CLOEXEC });
  port.adopt(fd);
  return fd;
}

function append(port: DumpPort, fd: number, buf: { address: number; length: number }): void {
  for (let done = 0; done < buf.length; ) {
    const length = buf.length - done;
    done += port.call(write, { fd, buf: { address: buf.address + done, length }, count: length });
  }
}

const contentOfCopy = (port: DumpPort, fd: number, length: number): Content =>
  new FileContent({ port, via: `/proc/self/fd/${fd}`, offset: 0, length });

/** Steps, in the current stage: puts all saved elements into the map `fd`. */
export function refillElements(
  saved: SetEntry<ElementsEntry> | undefined,
  {
    process,
    files,
    fd,
    size,
    object,
  }: Pick<ResourceBuild<unknown>, 'process' | 'files'> & {
    fd: number;
    size: MapSize;
    object: string;
  },
): void {
  if (saved === undefined) throw imageError(`the elements of ${object} are not in the images`);
  const { count } = saved.value;
  if (count === 0) return;
  const { track } = process;
  const { key_size, value_size } = size;
  const [keys, values] = (['keys', 'values'] as const).map((name) => {
    const content = saved.payload?.blocks[name] as StoredContent | undefined;
    const element = size[name === 'keys' ? 'key_size' : 'value_size'];
    if (content?.length === count * element) return content;
    throw imageError(`the ${count} ${name} of ${object} are not in the image`);
  }) as [StoredContent, StoredContent];
  const image = files.image(process, keys.file);
  const most = Math.min(atOnce(size), count);
  const keyBytes = track.memory.reserve(most * key_size, 8);
  const valueBytes = track.memory.reserve(most * value_size, 8);
  for (let done = 0; done < count; done += most) {
    const some = Math.min(most, count - done);
    for (const [content, buf, element] of [
      [keys, keyBytes, key_size],
      [values, valueBytes, value_size],
    ] as const) {
      const bytes = some * element;
      const place = { fd: image, buf, count: bytes, offset: content.offset + done * element };
      track.call(pread64, place, { object, mustEqual: bytes });
    }
    const attr = bpf_batch.encode({
      keys: keyBytes.address,
      values: valueBytes.address,
      count: some,
      map_fd: fd,
    });
    track.call(bpf, { cmd: BPF_MAP_UPDATE_BATCH, attr, size: bpf_batch.size }, { object });
  }
}
