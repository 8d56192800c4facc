/**
 * Code that a task already has, to run one system call in it without a moment in which the tracer's death would
 * harm: `syscall; ret` and, to return to, `mov $15,%eax; syscall` (libc's __restore_rt). The vdso has a `syscall`
 * but nothing safe behind it: it serves where the others are missing, with a gap of some 60 us. Programs of 32-bit code
 * have all of it in their vdso: an `int 0x80` with a `ret` behind it, and their rt_sigreturn.
 */
import {
  findInt80,
  findSigreturn,
  findSigreturn32,
  findSyscallRet,
  vdsoSyscall,
} from '../arch/arch.js';
import type { ProcessView } from '../checkpoint/views.js';
import type { Host } from '../host/host.js';
import { attemptReadMemory } from '../host/process-memory.js';
import type { Mapping } from '../linux/procfs/maps.js';
import { PROT_EXEC } from '../linux/uapi/mman.js';

export interface Gadgets {
  /** The address of a `syscall` instruction, or of an `int 0x80`. */
  syscall: number;
  /** What runs rt_sigreturn, or undefined: then `syscall` is not followed by a `ret` either. */
  sigreturn: number | undefined;
}

interface Found {
  syscallRet: number | undefined;
  sigreturn: number | undefined;
}

const READ_PIECE = 4 * 1024 * 1024;

/** Finds gadgets; what a file holds is looked up once, however many processes map it. */
export class GadgetFinder {
  readonly #host: Host;
  readonly #byFile = new Map<string, Found>();

  constructor(host: Host) {
    this.#host = host;
  }

  find(process: ProcessView): Gadgets | undefined {
    return process.is32Bit ? this.#in32BitVdso(process) : this.#inCode(process);
  }

  #inCode({ task: pid, mappings }: ProcessView): Gadgets | undefined {
    let syscallRet: number | undefined;
    let sigreturn: number | undefined;
    for (const mapping of mappings) {
      if ((mapping.prot & PROT_EXEC) === 0 || mapping.path === undefined || mapping.shared)
        continue;
      const found = this.#inMapping(pid, mapping);
      if (found.syscallRet !== undefined) syscallRet ??= mapping.start + found.syscallRet;
      if (found.sigreturn !== undefined) sigreturn ??= mapping.start + found.sigreturn;
      if (syscallRet !== undefined && sigreturn !== undefined)
        return { syscall: syscallRet, sigreturn };
    }
    return this.#fromVdso(pid, mappings);
  }

  #in32BitVdso({ task, mappings }: ProcessView): Gadgets | undefined {
    const vdso = mappings.find(({ label }) => label === '[vdso]');
    if (vdso === undefined) return undefined;
    const code = attemptReadMemory(this.#host, task, vdso.start, vdso.end - vdso.start);
    if (typeof code === 'number') return undefined;
    const [call, back] = [findInt80(code), findSigreturn32(code)];
    if (call === undefined) return undefined;
    return {
      syscall: vdso.start + call,
      sigreturn: back === undefined ? undefined : vdso.start + back,
    };
  }

  #inMapping(pid: number, mapping: Mapping): Found {
    const key = `${mapping.major}:${mapping.minor}:${mapping.inode}:${mapping.pgoff}:${mapping.end - mapping.start}`;
    const known = this.#byFile.get(key);
    if (known) return known;
    const found: Found = { syscallRet: undefined, sigreturn: undefined };
    for (let at = mapping.start; at < mapping.end; at += READ_PIECE) {
      const length = Math.min(READ_PIECE, mapping.end - at);
      const code = attemptReadMemory(this.#host, pid, at, length);
      if (typeof code === 'number') break;
      const offset = at - mapping.start;
      const call = findSyscallRet(code);
      const back = findSigreturn(code);
      if (call !== undefined) found.syscallRet ??= offset + call;
      if (back !== undefined) found.sigreturn ??= offset + back;
      if (found.syscallRet !== undefined && found.sigreturn !== undefined) break;
    }
    this.#byFile.set(key, found);
    return found;
  }

  #fromVdso(pid: number, mappings: readonly Mapping[]): Gadgets | undefined {
    const vdso = mappings.find(({ label }) => label === '[vdso]');
    if (vdso === undefined) return undefined;
    const code = attemptReadMemory(this.#host, pid, vdso.start, vdso.end - vdso.start);
    if (typeof code === 'number') return undefined;
    return { syscall: vdso.start + vdsoSyscall(code), sigreturn: undefined };
  }
}
