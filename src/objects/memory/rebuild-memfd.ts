/**
 * Mappings of memfds: the memory is made with the open files, by one process; all mappings of it come in the stage
 * 'shared memory', through that process's descriptor in /proc. Pure.
 */
import { IMAGES } from '../../images/catalogue.js';
import type { ImageSet } from '../../images/directory.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat } from '../../linux/syscalls/files.js';
import { O_CLOEXEC, O_RDONLY } from '../../linux/uapi/fcntl.js';
import { MAP_SHARED } from '../../linux/uapi/mman.js';
import { toNumber } from '../../support/bytes.js';
import { imageError } from '../../support/errors.js';
import { owns, type ProcessRebuild } from '../rebuild-context.js';
import { addReads, type MemoryContext, openPageFiles, type Piece, splitPiece } from './contents.js';
import { addAdvice, addFinish, addMmap, fillingProt } from './rebuild-mapping.js';
import { describeMapping, VMA_AREA_MEMFD, type Vma } from './vma.js';

/** The inode behind a mapping that an image calls one of a memfd. */
export function mappedInode(
  vma: Vma,
  images: ImageSet,
): { name: string; shmid: number; size: number } {
  const id = toNumber(vma.shmid);
  const file = images.many(IMAGES.FILES).find((entry) => entry.id === id)?.memfd;
  const inode = images
    .many(IMAGES.MEMFD_INODE)
    .find(({ inode_id }) => file !== undefined && inode_id === file.inode_id);
  if (inode) return inode;
  throw imageError(`it maps file ${id}, which is not among the saved memfds`, {
    object: describeMapping(vma),
  });
}

/** The name under which a dump that takes shared anonymous memory for a memfd, as its device is the same, saves it. */
const ANONYMOUS = '/dev/zero';

export const isMappedMemfd = (vma: Vma, images: ImageSet): boolean =>
  (vma.status & VMA_AREA_MEMFD) !== 0 && mappedInode(vma, images).name !== ANONYMOUS;

/** Pieces inside these mappings, and the others. */
export function splitPieces(
  pieces: readonly Piece[],
  vmas: readonly Vma[],
): { inside: Piece[]; outside: Piece[] } {
  let outside = [...pieces];
  const inside: Piece[] = [];
  for (const vma of vmas) {
    outside = outside.flatMap((piece) => {
      const split = splitPiece(piece, vma);
      if (split.inside) inside.push(split.inside);
      return split.outside;
    });
  }
  return { inside, outside };
}

/** `pieces`: what private mappings have of their own. */
export function addMemfdMappings(
  context: MemoryContext,
  process: ProcessRebuild,
  { vmas, pieces }: { vmas: readonly Vma[]; pieces: readonly Piece[] },
): void {
  const pageFiles = openPageFiles(context, process, pieces);
  const groups = new Map<string, Vma[]>();
  for (const vma of vmas) {
    const key = `${vma.shmid} ${vma.fdflags ?? O_RDONLY}`;
    groups.set(key, [...(groups.get(key) ?? []), vma]);
  }
  const { track } = process;
  // In a descriptor table of several, one alone makes descriptors: the mappings come a stage later.
  const isOwn = owns(process, 'files_id');
  const stage = isOwn ? 'shared memory' : 'descriptors';
  for (const group of groups.values()) {
    const fd = openMapped(context, process, group[0] as Vma);
    track.at(stage);
    for (const vma of group) {
      const isShared = (vma.flags & MAP_SHARED) !== 0;
      const own = splitPieces(pieces, [vma]).inside;
      const prot = !isShared && (own.length > 0 || vma.accounted) ? fillingProt(vma) : vma.prot;
      addMmap(track, vma, { fd, prot });
      addAdvice(track, vma);
      addReads(track, own, pageFiles);
      addFinish(track, vma, { current: prot, hasGuards: false });
    }
    if (isOwn) track.call(close, { fd });
  }
}

function openMapped({ files }: MemoryContext, process: ProcessRebuild, vma: Vma): number {
  const { maker, fd } = files.made(toNumber(vma.shmid));
  const pathname = `/proc/${maker.vpid}/fd/${fd}`;
  const flags = (vma.fdflags ?? O_RDONLY) | O_CLOEXEC;
  const { track } = process.owner.files_id;
  const open = { dirfd: AT_FDCWD, pathname, flags, mode: 0 };
  return track.at('shared memory').newFd(openat, open, { object: describeMapping(vma, 'memfd') });
}
