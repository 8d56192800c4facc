/**
 * memfd_create(2): memory with descriptors. All that lead to one inode are made by one process: the memory with its
 * content and seals first, then each description through /proc/self/fd.
 */
import { IMAGES } from '../../images/catalogue.js';
import type { ImageSet } from '../../images/directory.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import type { memfd_file_entry } from '../../images/messages/memfd.js';
import { parentChain } from '../../images/parents.js';
import type { MessageValue } from '../../images/schema.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import {
  fchmod,
  fchown,
  fcntl,
  ftruncate,
  lseek,
  memfdCreate,
  openat,
  sendfile,
} from '../../linux/syscalls/files.js';
import { mmap, munmap } from '../../linux/syscalls/memory.js';
import { F_ADD_SEALS, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL, SEEK_SET } from '../../linux/uapi/fcntl.js';
import {
  HUGE_MASK,
  MAP_FIXED_NOREPLACE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_HUGETLB,
  PROT_READ,
  PROT_WRITE,
} from '../../linux/uapi/mman.js';
import { findHole } from '../../plan/holes.js';
import { PLAN_LENGTH } from '../../plan/plan.js';
import type { Track } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { u64Bytes } from '../../support/bytes.js';
import { imageError, refused } from '../../support/errors.js';
import { defineFileKind, type ResourceBuild } from '../kinds.js';
import { addReads, byImage, type Piece, readSavedPages } from '../memory/contents.js';
import { commonFields } from './anonymous.js';
import { type MemfdInodeEntry, type MemfdSeen, memfdKey, observeMemfd } from './memfd-inodes.js';
import { reopenFlags } from './open-named.js';

type MemfdEntry = MessageValue<typeof memfd_file_entry>;

interface MadeMemfd {
  inode: MemfdInodeEntry;
  fd: number;
  /** Seals that come when everything is mapped; 0 once they have. */
  late: number;
}

const MODE_BITS = 0o7777;
/** sendfile(2) copies 2 GiB at most. */
const BYTES_AT_ONCE = 2 ** 30;
const LARGEST_HUGE_PAGE = 2 ** 30;

function inodeOf({ inode_id }: MemfdEntry, images: ImageSet): MemfdInodeEntry {
  const found = images.many(IMAGES.MEMFD_INODE).find((inode) => inode.inode_id === inode_id);
  if (found) return found;
  throw imageError(`memfd.img has no inode ${inode_id}`);
}

const objectOf = ({ name }: MemfdInodeEntry): string => `memfd '${name}'`;

/** Pages go straight from their files; those that are not saved stay holes. */
function addPages(
  { process, files }: ResourceBuild<MemfdEntry>,
  { fd, object }: { fd: number; object: string },
  pieces: readonly Piece[],
): void {
  const { track } = process;
  for (const [image, group] of byImage(pieces)) {
    const in_fd = files.image(process, image);
    for (const { address, length, offset } of group) {
      const at = { fd, offset: address, whence: SEEK_SET };
      track.call(lseek, at, { object, mustEqual: address });
      for (let done = 0; done < length; done += BYTES_AT_ONCE) {
        const count = Math.min(length - done, BYTES_AT_ONCE);
        const from = track.memory.store(u64Bytes(offset + done), 8);
        const copy = { out_fd: fd, in_fd, offset: from, count };
        track.call(sendfile, copy, { object, mustEqual: count });
      }
    }
  }
}

/** MFD_HUGETLB and the size of its pages, or 0. */
function hugetlbOf({ hugetlb_flag = 0 }: MemfdInodeEntry): number {
  if (hugetlb_flag === 0) return 0;
  if ((hugetlb_flag & MFD_HUGETLB) !== 0 && (hugetlb_flag & ~(MFD_HUGETLB | HUGE_MASK)) === 0) {
    return hugetlb_flag;
  }
  throw imageError(`its hugetlb_flag 0x${hugetlb_flag.toString(16)} is not known`);
}

/** Nothing can be written to huge pages but through a mapping. */
function addHugePages(
  { process, files, context }: ResourceBuild<MemfdEntry>,
  { fd, size, object }: { fd: number; size: number; object: string },
  pieces: readonly Piece[],
): void {
  if (pieces.length === 0) return;
  const { track } = process;
  const plan = { start: context.plan.base, end: context.plan.base + PLAN_LENGTH };
  const occupied = [...context.puppetMappings, plan];
  const addr = findHole(occupied, { length: size, align: LARGEST_HUGE_PAGE });
  if (addr === undefined) throw refused(`no ${size} bytes of address space are free`, { object });
  const flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
  const map = { addr, length: size, prot: PROT_READ | PROT_WRITE, flags, fd, offset: 0 };
  track.call(mmap, map, { object, mustEqual: addr });
  const pageFiles = new Map(
    [...byImage(pieces).keys()].map((name) => [name, files.image(process, name)]),
  );
  const moved = pieces.map((piece) => ({ ...piece, address: addr + piece.address }));
  addReads(track, moved, pageFiles);
  track.call(munmap, { addr, length: size }, { object });
}

function addSeals(
  track: Track,
  { fd, seals, object }: { fd: number; seals: number; object: string },
): void {
  if (seals !== 0) track.call(fcntl, { fd, cmd: F_ADD_SEALS, arg: seals }, { object });
}

export const memfd = defineFileKind<MemfdEntry, MemfdSeen, MadeMemfd>({
  name: 'memfd',
  fdType: fd_types.MEMFD,
  unionField: 'memfd',
  recognize: [{ memfd: true }],
  groupOf: ({ stat }) => memfdKey(stat),
  observe(port, [description]) {
    const { process, fd } = defined(description, 'a group has a member');
    return observeMemfd(port, `/proc/${process.task}/fd/${fd}`);
  },
  inspect({ id, description, seen, ids }) {
    const { fdinfo } = description;
    const pos = BigInt.asUintN(64, fdinfo.pos);
    return { entry: { ...commonFields(id, description), pos, inode_id: ids.memfdInode(seen) } };
  },
  resourceOf: ({ inode_id }) => `memfd ${inode_id}`,
  make(build) {
    const { entries, process, context } = build;
    const { track } = process;
    const inode = inodeOf(defined(entries[0], 'a memfd has an entry'), context.images);
    const { name, size, shmid } = inode;
    const object = objectOf(inode);
    const huge = hugetlbOf(inode);
    const flags = MFD_ALLOW_SEALING + huge;
    const fd = track.newFd(memfdCreate, { name, flags }, { object });
    if (size > 0) {
      const pieces = readSavedPages(parentChain(context.store), IMAGES.SHMEM_PAGEMAP, shmid);
      if (huge === 0) addPages(build, { fd, object }, pieces);
      // After the pages: the last one is saved whole.
      track.call(ftruncate, { fd, length: size }, { object });
      if (huge !== 0) addHugePages(build, { fd, size, object }, pieces);
    }
    const { uid, gid, mode, seals } = inode;
    track.call(fchown, { fd, user: uid, group: gid }, { object });
    if (mode !== undefined) track.call(fchmod, { fd, mode: mode & MODE_BITS }, { object });
    // What is mapped for reading alone must find it sealed; what was mapped for writing must not.
    const late =
      (seals & F_SEAL_FUTURE_WRITE) !== 0 ? seals & (F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) : 0;
    addSeals(track, { fd, seals: seals & ~late, object });
    return { inode, fd, late };
  },
  open({ entry: { flags, pos }, process: { track }, made: { inode, fd: from } }) {
    const object = objectOf(inode);
    const pathname = `/proc/self/fd/${from}`;
    const again = { dirfd: AT_FDCWD, pathname, flags: reopenFlags(flags, inode.mode), mode: 0 };
    const fd = track.newFd(openat, again, { object });
    if (pos !== 0n) {
      track.call(lseek, { fd, offset: pos, whence: SEEK_SET }, { object, mustEqual: pos });
    }
    return fd;
  },
  fill({ process: { track }, made }) {
    const { inode, fd, late } = made;
    addSeals(track, { fd, seals: late, object: objectOf(inode) });
    made.late = 0;
  },
});
