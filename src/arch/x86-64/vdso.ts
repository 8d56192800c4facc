/**
 * The vdso, as bytes of its mapping: where its functions lie (to tell whether a saved one and this kernel's are
 * interchangeable), and where machine code that woodfrog borrows can be found in text pages.
 */
import { parseBuildId } from '../../linux/elf/build-id.js';
import { PF_X, PT_LOAD } from '../../linux/elf/headers.js';
import { concat, fromCString, toNumber, u32Bytes, viewOf } from '../../support/bytes.js';
import { imageError } from '../../support/errors.js';

const SYSCALL = Uint8Array.from([0x0f, 0x05]);
const SYSCALL_RET = Uint8Array.from([0x0f, 0x05, 0xc3]);
/** libc's __restore_rt: mov rax,15 or mov eax,15; then syscall. */
const SIGRETURN_CODE = [
  Uint8Array.from([0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05]),
  Uint8Array.from([0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05]),
];

/** How the vdso of 32-bit code makes system calls where nothing better is there: int $0x80; pop ebp, edx, ecx; ret. */
const INT80_RET = Uint8Array.from([0xcd, 0x80, 0x5d, 0x5a, 0x59, 0xc3]);
/** Its __kernel_rt_sigreturn: mov eax,173; int 0x80. */
const SIGRETURN_32 = Uint8Array.from([0xb8, 0xad, 0, 0, 0, 0xcd, 0x80]);

/** Offset of the first occurrence of `pattern`, at or after `from`. */
export function findBytes(code: Uint8Array, pattern: Uint8Array, from = 0): number | undefined {
  const at = Buffer.from(code.buffer, code.byteOffset, code.byteLength).indexOf(pattern, from);
  return at < 0 ? undefined : at;
}

/** Offset of a `syscall` instruction. Bytes inside a longer instruction count too: they run as well as any. */
export const findSyscall = (code: Uint8Array): number | undefined => findBytes(code, SYSCALL);
/** Offset of `syscall; ret`: libc and ld.so have many, the vdso none. */
export const findSyscallRet = (code: Uint8Array): number | undefined =>
  findBytes(code, SYSCALL_RET);

/** Offset of code that calls rt_sigreturn with sp as it is: libc's __restore_rt. */
export function findSigreturn(code: Uint8Array): number | undefined {
  for (const pattern of SIGRETURN_CODE) {
    const at = findBytes(code, pattern);
    if (at !== undefined) return at;
  }
  return undefined;
}

/** Offset, in the vdso of 32-bit code, of the `int 0x80` of its __kernel_vsyscall. */
export const findInt80 = (code: Uint8Array): number | undefined => findBytes(code, INT80_RET);
/** Offset of code that calls rt_sigreturn as 32-bit code does, with sp as it is. */
export const findSigreturn32 = (code: Uint8Array): number | undefined =>
  findBytes(code, SIGRETURN_32);

// uapi/linux/elf.h
const SHT_DYNSYM = 11;
const ELF_MAGIC = 0x464c457f;
const SEGMENT_SIZE = 56;

/** Offset, from the start of the vdso, of a `syscall` instruction in its executable segment. */
export function vdsoSyscall(vdso: Uint8Array): number {
  const view = elfView(vdso);
  const phoff = offset64(view, 32);
  for (let i = 0; i < view.getUint16(56, true); i++) {
    const at = phoff + i * SEGMENT_SIZE;
    if (view.getUint32(at, true) !== PT_LOAD || !(view.getUint32(at + 4, true) & PF_X)) continue;
    const start = offset64(view, at + 8);
    const found = findSyscall(vdso.subarray(start, start + offset64(view, at + 32)));
    if (found !== undefined) return start + found;
  }
  throw imageError('the vdso holds no syscall instruction');
}

/** Where things are in ELF files: of 64-bit code, and of 32-bit code. */
interface ElfPlaces {
  shoff: number;
  shnum: number;
  sectionSize: number;
  /** Of a section header. */
  offset: number;
  size: number;
  link: number;
  symbolSize: number;
  /** Of a symbol. */
  value: number;
  shndx: number;
  word(view: DataView, at: number): number;
}

const ELF64: ElfPlaces = {
  ...{ shoff: 40, shnum: 60, sectionSize: 64, offset: 24, size: 32, link: 40 },
  ...{ symbolSize: 24, value: 8, shndx: 6 },
  word: (view, at) => toNumber(view.getBigUint64(at, true)),
};
const ELF32: ElfPlaces = {
  ...{ shoff: 32, shnum: 48, sectionSize: 40, offset: 16, size: 20, link: 24 },
  ...{ symbolSize: 16, value: 4, shndx: 14 },
  word: (view, at) => view.getUint32(at, true),
};
/** Of e_ident. */
const EI_CLASS = 4;
const ELFCLASS32 = 1;

/** Whether it is the vdso of 32-bit code. */
export const isVdso32 = (vdso: Uint8Array): boolean =>
  elfView(vdso).getUint8(EI_CLASS) === ELFCLASS32;

/** Name to offset of each function that the vdso defines. */
export function vdsoSymbols(vdso: Uint8Array): Map<string, number> {
  const view = elfView(vdso);
  const places = isVdso32(vdso) ? ELF32 : ELF64;
  const { word } = places;
  const shoff = word(view, places.shoff);
  const sections = Array.from(
    { length: view.getUint16(places.shnum, true) },
    (_, i) => shoff + i * places.sectionSize,
  );
  const symbols = new Map<string, number>();
  const dynsym = sections.find((at) => view.getUint32(at + 4, true) === SHT_DYNSYM);
  const strings =
    dynsym === undefined ? undefined : sections[view.getUint32(dynsym + places.link, true)];
  if (dynsym === undefined || strings === undefined) throw imageError('the vdso has no symbols');
  const names = word(view, strings + places.offset);
  const table = word(view, dynsym + places.offset);
  const end = table + word(view, dynsym + places.size);
  for (let at = table; at < end; at += places.symbolSize) {
    const value = word(view, at + places.value);
    const isDefined = view.getUint16(at + places.shndx, true) !== 0;
    // The version's own name is an absolute symbol of value 0.
    if (!isDefined || value === 0) continue;
    symbols.set(fromCString(vdso.subarray(names + view.getUint32(at, true))), value);
  }
  return symbols;
}

/**
 * The names whose offsets differ, or that only one of the two vdsos has: none means that a program which looked the
 * functions up in one can go on calling them in the other. A task stopped inside needs the same build
 * (vdsoBuildId). Bytes cannot be compared: the kernel patches instructions for the CPU it runs on.
 */
export function vdsoDifferences(saved: Uint8Array, current: Uint8Array): string[] {
  const before = vdsoSymbols(saved);
  const now = vdsoSymbols(current);
  const names = new Set([...before.keys(), ...now.keys()]);
  return [...names].filter((name) => before.get(name) !== now.get(name)).sort();
}

/** The linker's build id, in hex: equal ids mean the same code. Undefined when there is none. */
export function vdsoBuildId(vdso: Uint8Array): string | undefined {
  elfView(vdso);
  const words = parseBuildId(vdso);
  return words && Buffer.from(concat(words.map(u32Bytes))).toString('hex');
}

function elfView(vdso: Uint8Array): DataView {
  const view = viewOf(vdso);
  if (vdso.length < 64 || view.getUint32(0, true) !== ELF_MAGIC) {
    throw imageError('the vdso is not an ELF file');
  }
  return view;
}

const offset64 = (view: DataView, at: number): number => toNumber(view.getBigUint64(at, true));
