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

// uapi/linux/elf.h
const SHT_DYNSYM = 11;
const ELF_MAGIC = 0x464c457f;
const SYMBOL_SIZE = 24;
const SECTION_SIZE = 64;
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

/** Name to offset of each function that the vdso defines. */
export function vdsoSymbols(vdso: Uint8Array): Map<string, number> {
  const view = elfView(vdso);
  const shoff = offset64(view, 40);
  const sections = Array.from(
    { length: view.getUint16(60, true) },
    (_, i) => shoff + i * SECTION_SIZE,
  );
  const symbols = new Map<string, number>();
  const dynsym = sections.find((at) => view.getUint32(at + 4, true) === SHT_DYNSYM);
  const strings = dynsym === undefined ? undefined : sections[view.getUint32(dynsym + 40, true)];
  if (dynsym === undefined || strings === undefined) throw imageError('the vdso has no symbols');
  const names = offset64(view, strings + 24);
  const table = offset64(view, dynsym + 24);
  for (let at = table; at < table + offset64(view, dynsym + 32); at += SYMBOL_SIZE) {
    const value = offset64(view, at + 8);
    const isDefined = view.getUint16(at + 6, true) !== 0;
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
