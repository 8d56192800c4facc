/**
 * Memory, from the images to steps: every process clears the puppet's address space but for the plan and the kernel's
 * own pages, maps what was mapped, reads the contents in, and gives each mapping its last properties. Pure but for
 * looking at pagemaps and at this kernel's vdso.
 */

import { END_32_BIT } from '../../arch/arch.js';
import { IMAGES } from '../../images/catalogue.js';
import { parentChain } from '../../images/parents.js';
import { munmap } from '../../linux/syscalls/memory.js';
import { prctl } from '../../linux/syscalls/tasks.js';
import { O_RDONLY } from '../../linux/uapi/fcntl.js';
import { MAP_LOCKED } from '../../linux/uapi/mman.js';
import { PR_SET_THP_DISABLE } from '../../linux/uapi/prctl.js';
import { findHole, type Occupied } from '../../plan/holes.js';
import { PLAN_LENGTH } from '../../plan/plan.js';
import type { Track } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { PAGE_SIZE } from '../../support/brand.js';
import { toNumber } from '../../support/bytes.js';
import { imageError, refused, within } from '../../support/errors.js';
import { owns, type ProcessRebuild, type RestoreContext } from '../rebuild-context.js';
import { is32BitProcess } from '../tasks/code-width.js';
import {
  addReads,
  type MemoryContext,
  openPageFiles,
  type PageFiles,
  type Piece,
  readPieces,
  readSavedPages,
  splitHuge,
  splitPiece,
} from './contents.js';
import { isMapping, layoutOf } from './layout.js';
import { addAioContexts, isAioVma } from './rebuild-aio.js';
import {
  addAdvice,
  addFinish,
  addGuard,
  addMmap,
  addSeal,
  fillingProt,
  isFile,
  isSharedAnonymous,
  verifyVma,
} from './rebuild-mapping.js';
import { addMemfdMappings, isMappedMemfd, splitPieces } from './rebuild-memfd.js';
import { addMakings, addUses, collectObjects, type SharedObject } from './rebuild-shared.js';
import {
  addMoves,
  addVdso32,
  type KernelPiece,
  kernelPieces,
  readOwnVdso,
  totalLength,
  vdso32Length,
  verifyVdso,
} from './rebuild-vdso.js';
import { USER_END, VMA_AREA_GUARD, VMA_AREA_VDSO, VMA_AREA_VVAR, type Vma } from './vma.js';

/** Adds, to every process's track, the steps that bring its memory back. */
export function rebuildMemory(all: RestoreContext): void {
  // Of those that share memory one alone rebuilds it; the others wait, on the plan's own mapping.
  const processes = all.processes.filter((process) => owns(process, 'vm_id'));
  const context = { ...all, processes, chain: parentChain(all.store) };
  for (const process of processes) {
    within(placeOf(process), () => process.mm.vmas.forEach(verifyVma));
  }
  const objects = collectObjects(context);
  const bases = new Map<SharedObject, number>();
  const vdso = new VdsoCheck(context);
  for (const process of context.processes) {
    within(placeOf(process), () => {
      for (const [object, base] of rebuildProcess(context, process, { objects, vdso })) {
        bases.set(object, base);
      }
    });
  }
  addUses(objects, bases);
  for (const { track, mm } of context.processes) {
    for (const vma of mm.vmas) addSeal(track, vma);
  }
}

const placeOf = ({ vpid, comm }: ProcessRebuild) => ({ pid: vpid, comm });

const isKernels = ({ status }: Vma): boolean => (status & (VMA_AREA_VDSO | VMA_AREA_VVAR)) !== 0;

function rebuildProcess(
  context: MemoryContext,
  process: ProcessRebuild,
  { objects, vdso }: { objects: readonly SharedObject[]; vdso: VdsoCheck },
): Map<SharedObject, number> {
  const { track, mm } = process;
  const vmas = mm.vmas.filter(isMapping);
  const plain = vmas.filter((vma) => !isKernels(vma) && !isSharedAnonymous(vma) && !isAioVma(vma));
  const saved = readSavedPages(context.chain, IMAGES.PAGEMAP, process.vpid);
  const vdsoVma = vmas.find(({ status }) => status & VMA_AREA_VDSO);
  const memfds = vmas.filter((vma) => isMappedMemfd(vma, context.images));
  const { inside: ofMemfds, outside } = splitPieces(ownPieces(saved, vdsoVma), memfds);
  const rings = vmas.filter(isAioVma);
  const { inside: ofRings, outside: own } = splitPieces(outside, rings);
  // First of all, the saved vdso is as long as the kernel's: so much is read, whatever the image says.
  const vdso32 = is32BitProcess(process)
    ? defined(context.vdso32, 'the vdso of 32-bit code was looked at')
    : undefined;
  const kernels = kernelPieces(vdso32?.mappings ?? context.puppetMappings, vmas);
  if (vdso32 && vmas.some(({ end }) => end > END_32_BIT)) {
    throw imageError('a 32-bit program has memory beyond 4 GiB', { object: 'memory' });
  }
  if (vdsoVma) within({ object: 'vdso' }, () => vdso.verify(process, vdsoVma, saved));

  const occupied: Occupied[] = [
    ...layoutOf(mm),
    ...context.puppetMappings,
    { start: context.plan.base, end: context.plan.base + PLAN_LENGTH },
  ];
  const staged = vdso32 ? vdso32Length(vdso32) : totalLength(kernels);
  const staging = stagingFor(staged, occupied);
  occupied.push({ start: staging, end: staging + staged });

  const withPages = mappingsWithPages(plain, own);
  const fds = openFiles(context, process, plain);
  const pageFiles = openPageFiles(context, process, own);
  // Of 32-bit code the kernel maps them anew.
  const moved = vdso32 ? [] : kernels;
  clearPuppet(track.at('memory'), { plan: context.plan.base, kernels: moved, staging });
  const guards = mm.vmas.filter(({ status }) => status & VMA_AREA_GUARD);
  const filling = (vma: Vma): number =>
    withPages.has(vma) || vma.accounted ? fillingProt(vma) : vma.prot;
  for (const vma of plain) {
    const fd = fds.get(vma);
    addMmap(track, vma, { prot: filling(vma), ...(fd !== undefined && { fd }) });
    addAdvice(track, vma);
  }
  for (const guard of guards) addGuard(track, guard);
  addContents(track, own, pageFiles);
  for (const vma of plain) {
    addFinish(track, vma, {
      current: filling(vma),
      hasGuards: (vma.flags & MAP_LOCKED) !== 0 && holdsOne(vma, guards),
    });
  }
  const made = addMakings(context, process, { objects, occupied });
  addMoves(track.at('memory'), moved, { staging, into: 'place' });
  if (vdso32) addVdso32(track, kernels, { staging, vdso32 });
  addAioContexts(context, process, { vmas: rings, pieces: ofRings });
  addMemfdMappings(context, process, { vmas: memfds, pieces: ofMemfds });
  return made;
}

const holdsOne = ({ start, end }: Vma, guards: readonly Vma[]): boolean =>
  guards.some((guard) => guard.start < end && start < guard.end);

/** The vdso's pages are saved, to be compared; they are not read in: the kernel brings its own. */
const ownPieces = (pieces: readonly Piece[], vdso: Vma | undefined): readonly Piece[] =>
  vdso === undefined ? pieces : pieces.flatMap((piece) => splitPiece(piece, vdso).outside);

function stagingFor(length: number, occupied: readonly Occupied[]): number {
  if (length === 0) return 0;
  const staging = findHole(occupied, { length, align: PAGE_SIZE });
  if (staging === undefined) throw refused('no address space is free beside what was saved');
  return staging;
}

/** Which mappings have saved pages. Both lists are in address order. Pages of no mapping are an error. */
function mappingsWithPages(vmas: readonly Vma[], pieces: readonly Piece[]): Set<Vma> {
  const found = new Set<Vma>();
  let index = 0;
  for (const { address, length } of pieces) {
    for (let at = address; at < address + length; ) {
      while ((vmas[index]?.end ?? Number.POSITIVE_INFINITY) <= at) index++;
      const vma = vmas[index];
      if (vma === undefined || vma.start > at) {
        throw imageError(`the saved pages at 0x${at.toString(16)} are in no mapping`);
      }
      found.add(vma);
      at = vma.end;
    }
  }
  return found;
}

function openFiles(
  { files }: RestoreContext,
  process: ProcessRebuild,
  vmas: readonly Vma[],
): Map<Vma, number> {
  const fds = new Map<Vma, number>();
  for (const vma of vmas) {
    // All mappings of a file share its entry: how each opens it stands in the mapping.
    if (isFile(vma)) fds.set(vma, files.use(process, toNumber(vma.shmid), vma.fdflags ?? O_RDONLY));
  }
  return fds;
}

const LOWEST = PAGE_SIZE;

/** Unmaps all that the puppet has, but for the plan and the kernel's own pages. */
function clearPuppet(
  track: Track,
  { plan, kernels, staging }: { plan: number; kernels: readonly KernelPiece[]; staging: number },
): void {
  addMoves(track, kernels, { staging, into: 'staging' });
  const kept = [
    { start: plan, end: plan + PLAN_LENGTH },
    { start: staging, end: staging + totalLength(kernels) },
  ]
    .filter(({ start, end }) => start < end)
    .sort((a, b) => a.start - b.start);
  let at = LOWEST;
  for (const { start, end } of [...kept, { start: USER_END, end: USER_END }]) {
    if (at < start) track.call(munmap, { addr: at, length: start - at }, { object: 'the puppet' });
    at = end;
  }
}

/**
 * Reads the contents in. A huge page that the kernel gives for one saved page would touch 511 that never were: such
 * pages come without; blocks that are saved whole may get one.
 */
function addContents(track: Track, pieces: readonly Piece[], fds: PageFiles): void {
  const { whole, rest } = splitHuge(pieces);
  addReads(track, whole, fds);
  if (rest.length === 0) return;
  addThpDisable(track, 1);
  addReads(track, rest, fds);
  addThpDisable(track, 0);
}

function addThpDisable(track: Track, disabled: 0 | 1): void {
  track.call(prctl, { option: PR_SET_THP_DISABLE, arg2: disabled, arg3: 0, arg4: 0, arg5: 0 });
}

/** Compares saved vdsos with this kernel's; the tasks of one tree mostly have the same one. */
class VdsoCheck {
  readonly #context: MemoryContext;
  #own: Uint8Array | undefined;

  constructor(context: MemoryContext) {
    this.#context = context;
  }

  /** `vma` is as long as the kernel's own. */
  verify(process: ProcessRebuild, vma: Vma, pieces: readonly Piece[]): void {
    const current = this.#currentOf(process, vma);
    const saved = readPieces(this.#context.chain, pieces, vma);
    if (saved && Buffer.compare(saved, current) === 0) return;
    verifyVdso(process, vma, { saved, current });
  }

  #currentOf(process: ProcessRebuild, { start, end }: Vma): Uint8Array {
    const { port, vdso32 } = this.#context;
    if (vdso32 && is32BitProcess(process)) return vdso32.bytes;
    this.#own ??= readOwnVdso(port, end - start);
    return this.#own;
  }
}
