/** The files behind memfds, as a dump sees them: each once, however many descriptors and mappings lead to it. */
import type { memfd_inode_entry } from '../../images/messages/memfd.js';
import type { MessageValue } from '../../images/schema.js';
import { errnoName } from '../../linux/errno.js';
import { encodeDev } from '../../linux/procfs/devices.js';
import { type FdLink, parseFdLink } from '../../linux/procfs/fd-link.js';
import type { Mapping } from '../../linux/procfs/maps.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, fcntl, fstatfs, openat } from '../../linux/syscalls/files.js';
import { F_GET_SEALS, O_CLOEXEC, O_NONBLOCK, statfs } from '../../linux/uapi/fcntl.js';
import { HUGETLBFS_MAGIC } from '../../linux/uapi/magic.js';
import { HUGE_SHIFT, MFD_HUGETLB } from '../../linux/uapi/mman.js';
import { toNumber } from '../../support/bytes.js';
import { CheckpointError, gone, unsupported } from '../../support/errors.js';
import type { FileStat, KernelPort } from '../ports.js';

export type MemfdInodeEntry = MessageValue<typeof memfd_inode_entry>;

export interface MemfdSeen {
  name: string;
  stat: FileStat;
  /** F_SEAL_*. */
  seals: number;
  /** Of huge pages: MFD_HUGETLB and their size, as memfd_create takes them. */
  hugetlb?: number;
  /** A link of /proc that leads to it. */
  link: string;
}

/** Pages of a shared object: a link of /proc leads to it. */
export interface MemfdSegment {
  shmid: bigint;
  size: number;
  link: string;
}

export const memfdKey = ({ dev, ino }: { dev: bigint; ino: bigint }): string => `${dev}:${ino}`;

const isMemfd = (link: FdLink): link is FdLink & { kind: 'memfd' } => link.kind === 'memfd';

/** A mapping's key, if it is of a memfd. */
export function mappedMemfdKey({
  path,
  deleted,
  major,
  minor,
  inode,
}: Mapping): string | undefined {
  if (!deleted || path === undefined || !isMemfd(parseFdLink(`${path} (deleted)`)))
    return undefined;
  return memfdKey({ dev: BigInt(encodeDev({ major, minor })), ino: inode });
}

/** Looks at the memfd that a link of /proc leads to. Throws unsupported(...) for one that cannot be saved. */
export function observeMemfd(port: KernelPort, link: string): MemfdSeen {
  const target = parseFdLink(port.readLink(link));
  const stat = port.attemptStat(link);
  if (typeof stat === 'number') throw gone(`stat of '${link}': ${errnoName(-stat)}`);
  const flags = O_CLOEXEC | O_NONBLOCK;
  const fd = port.call(openat, { dirfd: AT_FDCWD, pathname: link, flags, mode: 0 });
  try {
    const seals = port.attempt(fcntl, { fd, cmd: F_GET_SEALS, arg: 0 });
    if (!isMemfd(target) || seals < 0) {
      throw unsupported('it is a deleted file that is named like a memfd, and not saved yet', {
        remedy: 'close it before the checkpoint',
      });
    }
    const hugetlb = hugePagesOf(port, fd);
    return { name: target.name, stat, seals, link, ...(hugetlb && { hugetlb }) };
  } finally {
    port.attempt(close, { fd });
  }
}

function hugePagesOf(port: KernelPort, fd: number): number | undefined {
  using scope = port.scope();
  const buf = scope.alloc(statfs.size);
  port.call(fstatfs, { fd, buf });
  const { f_type, f_bsize } = statfs.decode(buf.bytes);
  if (f_type !== HUGETLBFS_MAGIC) return undefined;
  return MFD_HUGETLB + Math.log2(toNumber(f_bsize)) * 2 ** HUGE_SHIFT;
}

/** Every mapped memfd once; what cannot be saved is noted, not thrown. */
export function observeMappedMemfds(
  port: KernelPort,
  processes: readonly { task: number; mappings: readonly Mapping[] }[],
): Map<string, MemfdSeen | CheckpointError> {
  const memfds = new Map<string, MemfdSeen | CheckpointError>();
  for (const { task, mappings } of processes) {
    for (const mapping of mappings) {
      const key = mappedMemfdKey(mapping);
      if (key === undefined || memfds.has(key)) continue;
      const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
      memfds.set(
        key,
        orError(() => observeMemfd(port, `/proc/${task}/map_files/${range}`)),
      );
    }
  }
  return memfds;
}

function orError<T>(observe: () => T): T | CheckpointError {
  try {
    return observe();
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code === 'gone') throw error;
    return error;
  }
}

interface Inode {
  entry: MemfdInodeEntry;
  link: string;
  /** The file_entry that mappings refer to. */
  mappedFileId: number | undefined;
}

/** memfd.img as it grows. Ids count from 1. */
export class MemfdInodes {
  private readonly inodes = new Map<string, Inode>();

  /** The number of the inode, the same for all that lead to it. */
  idOf(seen: MemfdSeen): number {
    return this.inode(seen).entry.inode_id;
  }

  /** The file_entry of all mappings of it: how each opened it stands in the mapping. */
  mappedFileId(seen: MemfdSeen, add: (inodeId: number) => number): number {
    const inode = this.inode(seen);
    inode.mappedFileId ??= add(inode.entry.inode_id);
    return inode.mappedFileId;
  }

  entries(): MemfdInodeEntry[] {
    return [...this.inodes.values()].map(({ entry }) => entry);
  }

  segments(): MemfdSegment[] {
    return [...this.inodes.values()]
      .filter(({ entry }) => entry.size > 0)
      .map(({ entry: { shmid, size }, link }) => ({ shmid: BigInt(shmid), size, link }));
  }

  private inode({ name, stat, seals, link, hugetlb }: MemfdSeen): Inode {
    const key = memfdKey(stat);
    const known = this.inodes.get(key);
    if (known) return known;
    const { uid, gid, size, mode, ino } = stat;
    const entry: MemfdInodeEntry = {
      ...{ name, uid, gid, size, shmid: toNumber(ino), seals },
      ...{ inode_id: this.inodes.size + 1, mode },
      ...(hugetlb !== undefined && { hugetlb_flag: hugetlb }),
    };
    const inode = { entry, link, mappedFileId: undefined };
    this.inodes.set(key, inode);
    return inode;
  }
}
