/**
 * Anonymous memory shared between tasks, or mapped more than once. One task makes the object: at its own place when it
 * maps all of it, else in a staging area. All other mappings are made through a link in its /proc/PID/map_files: so
 * the object stays what it was, and is no memfd. Pure.
 */
import { IMAGES } from '../../images/catalogue.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { close, openat } from '../../linux/syscalls/files.js';
import { mmap, munmap } from '../../linux/syscalls/memory.js';
import { O_CLOEXEC, O_RDWR } from '../../linux/uapi/fcntl.js';
import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from '../../linux/uapi/mman.js';
import { chooseHoles, type Occupied } from '../../plan/holes.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { alignUp, toNumber } from '../../support/bytes.js';
import { imageError } from '../../support/errors.js';
import { owns, type ProcessRebuild, type RestoreContext } from '../rebuild-context.js';
import {
  addReads,
  type MemoryContext,
  openPageFiles,
  type Piece,
  readSavedPages,
} from './contents.js';
import {
  addAdvice,
  addFinish,
  addMmap,
  fillingProt,
  isSharedAnonymous,
} from './rebuild-mapping.js';
import { isMappedMemfd, mappedInode } from './rebuild-memfd.js';
import { VMA_AREA_MEMFD, type Vma } from './vma.js';

/** A mapping of a shared object. */
interface Use {
  process: ProcessRebuild;
  vma: Vma;
}

export interface SharedObject {
  shmid: number;
  /** In bytes: as far as any mapping reaches, at least. */
  size: number;
  uses: Use[];
  pages: readonly Piece[];
  /** The process that makes it. */
  maker: ProcessRebuild;
  /** Its mapping there that covers the whole object; undefined: it needs a staging area. */
  whole: Vma | undefined;
}

/** Every shared anonymous object of the tree, with all that map it. */
export function collectObjects(context: MemoryContext): SharedObject[] {
  const objects = new Map<number, { size: number; uses: Use[] }>();
  for (const process of context.processes) {
    for (const vma of process.mm.vmas) {
      if (!isSharedAnonymous(vma) || isMappedMemfd(vma, context.images)) continue;
      const { shmid, size } = identify(vma, context);
      const object = objects.get(shmid) ?? { size: 0, uses: [] };
      object.uses.push({ process, vma });
      object.size = Math.max(object.size, size, vma.pgoff + vma.end - vma.start);
      objects.set(shmid, object);
    }
  }
  return [...objects].map(([shmid, { size, uses }]) =>
    finishObject(context, { shmid, size, uses }),
  );
}

function identify(vma: Vma, { images }: RestoreContext): { shmid: number; size: number } {
  if (vma.status & VMA_AREA_MEMFD) return mappedInode(vma, images);
  return { shmid: toNumber(vma.shmid), size: vma.object_size ?? 0 };
}

function finishObject(
  { chain }: MemoryContext,
  { shmid, size: reached, uses }: { shmid: number; size: number; uses: Use[] },
): SharedObject {
  const size = alignUp(reached, PAGE_SIZE);
  const pages = readSavedPages(chain, IMAGES.SHMEM_PAGEMAP, shmid);
  const last = pages.at(-1);
  if (last && last.address + last.length > size) {
    throw imageError(`pages of shared memory ${shmid} lie beyond its ${size} bytes`);
  }
  const covering = uses.find(({ vma }) => vma.pgoff === 0 && vma.end - vma.start === size);
  const maker = (covering ?? uses[0])?.process;
  if (maker === undefined) throw imageError(`shared memory ${shmid} has no user`);
  return { shmid, size, uses, pages, maker, whole: covering?.vma };
}

/** Stage 'memory': makes and fills the objects that fall to this process. Returns what must go again. */
export function addMakings(
  context: RestoreContext,
  process: ProcessRebuild,
  { objects, occupied }: { objects: readonly SharedObject[]; occupied: readonly Occupied[] },
): Map<SharedObject, number> {
  const mine = objects.filter(({ maker }) => maker === process);
  const staged = mine.filter(({ whole }) => whole === undefined);
  const holes = chooseHoles(
    occupied,
    staged.map(({ size }) => size),
  );
  const bases = new Map<SharedObject, number>();
  for (const object of mine) {
    const base = object.whole?.start ?? holes[staged.indexOf(object)] ?? 0;
    bases.set(object, base);
    addMaking(context, process, { object, base });
  }
  return bases;
}

function addMaking(
  context: RestoreContext,
  process: ProcessRebuild,
  { object, base }: { object: SharedObject; base: number },
): void {
  const { whole, size, shmid, pages } = object;
  const { track } = process;
  const fds = openPageFiles(context, process, pages);
  track.at('memory');
  if (whole) {
    addMmap(track, whole, { prot: fillingProt(whole), shared: true });
    addAdvice(track, whole);
  } else {
    track.call(
      mmap,
      {
        addr: base,
        length: size,
        prot: PROT_READ | PROT_WRITE,
        flags: MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
        fd: -1,
        offset: 0,
      },
      { mustEqual: base, object: `shared memory ${shmid}` },
    );
  }
  const pieces = pages.map((piece) => ({ ...piece, address: base + piece.address }));
  addReads(track, pieces, fds);
  if (whole) addFinish(track, whole, { current: fillingProt(whole), hasGuards: false });
}

/** Stage 'shared memory': every other mapping; then the staging areas go. */
export function addUses(
  objects: readonly SharedObject[],
  bases: ReadonlyMap<SharedObject, number>,
): void {
  for (const object of objects) {
    const base = bases.get(object) ?? 0;
    const others = object.uses.filter(({ vma }) => vma !== object.whole);
    const byProcess = new Map<ProcessRebuild, Vma[]>();
    for (const { process, vma } of others) {
      byProcess.set(process, [...(byProcess.get(process) ?? []), vma]);
    }
    for (const [process, vmas] of byProcess) addUse(process, vmas, { object, base });
    if (object.whole) continue;
    object.maker.track
      .at('descriptors')
      .call(
        munmap,
        { addr: base, length: object.size },
        { object: `shared memory ${object.shmid}` },
      );
  }
}

function addUse(
  process: ProcessRebuild,
  vmas: readonly Vma[],
  { object, base }: { object: SharedObject; base: number },
): void {
  const range = `${base.toString(16)}-${(base + object.size).toString(16)}`;
  const { track } = process;
  // In a descriptor table of several, one alone makes descriptors: the mappings come a stage later.
  const isOwn = owns(process, 'files_id');
  const fd = process.owner.files_id.track.at('shared memory').newFd(
    openat,
    {
      dirfd: AT_FDCWD,
      pathname: `/proc/${object.maker.vpid}/map_files/${range}`,
      flags: O_RDWR | O_CLOEXEC,
      mode: 0,
    },
    { object: `shared memory ${object.shmid}` },
  );
  track.at(isOwn ? 'shared memory' : 'descriptors');
  for (const vma of vmas) {
    addMmap(track, vma, { fd, shared: true });
    addAdvice(track, vma);
    addFinish(track, vma, { current: vma.prot, hasGuards: false });
  }
  if (isOwn) track.call(close, { fd });
}
