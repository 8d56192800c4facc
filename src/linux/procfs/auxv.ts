/**
 * /proc/PID/auxv: the auxiliary vector that execve gave the program, or that PR_SET_MM_MAP put in
 * its place. getauxval(3); include/uapi/linux/auxvec.h, arch/x86/include/uapi/asm/auxvec.h.
 */

import { toNumber, viewOf } from '../../support/bytes.js';
import { refused } from '../../support/errors.js';

export const AT_NULL = 0;
export const AT_PHDR = 3;
export const AT_PHENT = 4;
export const AT_PHNUM = 5;
export const AT_PAGESZ = 6;
export const AT_BASE = 7;
export const AT_ENTRY = 9;
export const AT_HWCAP = 16;
export const AT_CLKTCK = 17;
export const AT_SECURE = 23;
export const AT_RANDOM = 25;
export const AT_HWCAP2 = 26;
export const AT_RSEQ_FEATURE_SIZE = 27;
export const AT_RSEQ_ALIGN = 28;
export const AT_EXECFN = 31;
export const AT_SYSINFO_EHDR = 33;
export const AT_MINSIGSTKSZ = 51;

export interface AuxvEntry {
  /** AT_*. */
  type: number;
  value: bigint;
}

const WORD = 8;

/** All words as they are, types and values in turn, AT_NULL included: what images hold. */
export function auxvWords(bytes: Uint8Array): bigint[] {
  if (bytes.length % (2 * WORD) !== 0) {
    throw refused(`/proc/PID/auxv is not made of pairs of words: ${bytes.length} bytes`);
  }
  const view = viewOf(bytes);
  return Array.from({ length: bytes.length / WORD }, (_, i) => view.getBigUint64(i * WORD, true));
}

/** The entries before AT_NULL; [] for a task without memory. */
export function parseAuxv(bytes: Uint8Array): AuxvEntry[] {
  const words = auxvWords(bytes);
  const entries: AuxvEntry[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const type = toNumber(words[i] ?? 0n);
    if (type === AT_NULL) break;
    entries.push({ type, value: words[i + 1] ?? 0n });
  }
  return entries;
}

/** The value of the first entry of a type. */
export const auxvValue = (entries: readonly AuxvEntry[], type: number): bigint | undefined =>
  entries.find((entry) => entry.type === type)?.value;
