/**
 * The vdso and vvar: code and data of the running kernel, moved to where the program has them. The puppet's own pieces
 * go to a staging area while everything else is unmapped and mapped, then into place. A kernel whose vdso has its
 * functions elsewhere is refused: the program may hold their addresses.
 */
import { isVdso32, vdsoBuildId, vdsoDifferences } from '../../arch/arch.js';
import { AT_SYSINFO_EHDR, auxvValue, parseAuxv } from '../../linux/procfs/auxv.js';
import type { Mapping } from '../../linux/procfs/maps.js';
import { mremap, munmap, processVmReadv } from '../../linux/syscalls/memory.js';
import { archPrctl, getpid } from '../../linux/syscalls/tasks.js';
import { iovec, MREMAP_FIXED, MREMAP_MAYMOVE } from '../../linux/uapi/mman.js';
import { ARCH_MAP_VDSO_32 } from '../../linux/uapi/prctl.js';
import type { Track } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { toNumber } from '../../support/bytes.js';
import { imageError, refused, unsupported } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';
import type { ProcessRebuild, Vdso32 } from '../rebuild-context.js';
import { VMA_AREA_VDSO, VMA_AREA_VVAR, type Vma } from './vma.js';

/** A piece of the kernel's pages in the puppet, and where it belongs. */
export interface KernelPiece {
  from: number;
  length: number;
  to: number;
}

const isVvar = ({ label }: Mapping): boolean => label === '[vvar]' || label === '[vvar_vclock]';
const REMEDY = 'restore on the kernel that the checkpoint was made on';

/** Which pieces of the puppet the process keeps: none of what it has unmapped itself. */
export function kernelPieces(puppet: readonly Mapping[], vmas: readonly Vma[]): KernelPiece[] {
  return [
    ...piecesFor(
      'vvar',
      vmas.find(({ status }) => status & VMA_AREA_VVAR),
      puppet.filter(isVvar),
    ),
    ...piecesFor(
      'vdso',
      vmas.find(({ status }) => status & VMA_AREA_VDSO),
      puppet.filter(({ label }) => label === '[vdso]'),
    ),
  ];
}

/** Newer kernels show vvar in two pieces; the images have one entry for both. */
function piecesFor(name: string, vma: Vma | undefined, here: readonly Mapping[]): KernelPiece[] {
  if (vma === undefined) return [];
  const pieces: KernelPiece[] = [];
  let to = vma.start;
  for (const { start, end } of here) {
    pieces.push({ from: start, length: end - start, to });
    to += end - start;
  }
  if (to !== vma.end) {
    throw unsupported(
      `the kernel's ${name} is ${to - vma.start} bytes long, the saved one ${vma.end - vma.start}`,
      { object: name, remedy: REMEDY },
    );
  }
  return pieces;
}

export const totalLength = (pieces: readonly KernelPiece[]): number =>
  pieces.reduce((sum, { length }) => sum + length, 0);

/** Moves the pieces from the puppet's places to `staging` and on, each next to the one before. */
export function addMoves(
  track: Track,
  pieces: readonly KernelPiece[],
  { staging, into }: { staging: number; into: 'staging' | 'place' },
): void {
  let at = staging;
  for (const { from, length, to } of pieces) {
    const [old_address, new_address] = into === 'staging' ? [from, at] : [at, to];
    track.call(
      mremap,
      {
        old_address,
        old_size: length,
        new_size: length,
        flags: MREMAP_MAYMOVE | MREMAP_FIXED,
        new_address,
      },
      { mustEqual: new_address, object: 'vdso' },
    );
    at += length;
  }
}

/** Maps all of the kernel's pages for 32-bit code at `staging`, one behind the other, and moves those that were kept. */
export function addVdso32(
  track: Track,
  pieces: readonly KernelPiece[],
  { staging, vdso32 }: { staging: number; vdso32: Vdso32 },
): void {
  const first = defined(vdso32.mappings[0], 'a vdso is a mapping').start;
  const object = 'vdso';
  track.call(
    archPrctl,
    { code: ARCH_MAP_VDSO_32, addr: staging },
    { mustEqual: vdso32.bytes.length, object },
  );
  for (const { from, length, to } of pieces) {
    const size = { old_size: length, new_size: length };
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    const places = { old_address: staging + from - first, new_address: to };
    track.call(mremap, { ...places, ...size, flags }, { mustEqual: to, object });
  }
  track.call(munmap, { addr: staging, length: vdso32Length(vdso32) }, { object });
}

export const vdso32Length = ({ mappings }: Vdso32): number =>
  mappings.reduce((sum, { start, end }) => sum + end - start, 0);

/** The vdso of the running kernel, as this process has it. */
export function readOwnVdso(port: KernelPort, length: number): Uint8Array {
  const auxv = port.attemptReadBytes('/proc/self/auxv');
  const address =
    typeof auxv === 'number' ? undefined : auxvValue(parseAuxv(auxv), AT_SYSINFO_EHDR);
  if (address === undefined) {
    throw refused('this kernel gives programs no vdso (vdso=0 on its command line?)', {
      object: 'vdso',
      remedy: REMEDY,
    });
  }
  using scope = port.scope();
  const buffer = scope.alloc(length);
  const count = port.call(processVmReadv, {
    pid: port.call(getpid, {}),
    local_iov: iovec.encode({ iov_base: buffer.address, iov_len: length }),
    liovcnt: 1,
    remote_iov: iovec.encode({ iov_base: toNumber(address), iov_len: length }),
    riovcnt: 1,
    flags: 0,
  });
  if (count !== length) {
    throw refused(`only ${count} of ${length} bytes could be read`, { object: 'vdso' });
  }
  return buffer.bytes.slice();
}

/** Throws when the program could not go on calling the saved vdso's functions in the present one. */
export function verifyVdso(
  process: ProcessRebuild,
  vma: Vma,
  { saved, current }: { saved: Uint8Array | undefined; current: Uint8Array },
): void {
  if (saved === undefined) {
    throw imageError('its pages are not saved, so that it cannot be compared', { object: 'vdso' });
  }
  if (isVdso32(saved) !== isVdso32(current)) {
    throw imageError('its pages are of other code than the process runs', { object: 'vdso' });
  }
  const differences = vdsoDifferences(saved, current);
  if (differences.length > 0) {
    throw unsupported(`this kernel's functions lie elsewhere: ${differences.join(', ')}`, {
      object: 'vdso',
      remedy: REMEDY,
    });
  }
  if (vdsoBuildId(saved) === vdsoBuildId(current)) return;
  for (const { core, vtid } of process.threads) {
    const ip = core.thread_info?.gpregs.ip;
    if (ip !== undefined && ip >= BigInt(vma.start) && ip < BigInt(vma.end)) {
      throw unsupported(
        `thread ${vtid} was stopped inside it, and this kernel's is of another build`,
        { object: 'vdso', remedy: REMEDY },
      );
    }
  }
}
