/** Machine code in our own process: one executable page, filled once. */
import { cloneExecStub, cpuidStub, type XstateLayout, xcr0Of, xstateLayout } from '../arch/arch.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { PAGE_SIZE } from '../support/brand.js';
import { alignUp, viewOf } from '../support/bytes.js';
import type { Host } from './host.js';

const XSTATE_LEAF = 0xd;

export class Stubs implements Disposable {
  readonly #host: Host;
  readonly #cloneExec: number;
  readonly #cpuid: number;

  constructor(host: Host) {
    this.#host = host;
    const page = host.call(mmap, {
      addr: 0,
      length: PAGE_SIZE,
      prot: PROT_READ | PROT_WRITE | PROT_EXEC,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      fd: -1,
      offset: 0,
    });
    const memory = host.ffi.view(page, PAGE_SIZE);
    memory.set(cloneExecStub.code);
    const second = alignUp(cloneExecStub.code.length, 16);
    memory.set(cpuidStub.code, second);
    this.#cloneExec = page;
    this.#cpuid = page + second;
  }

  /** The six arguments of cloneExecStub. A pid, or -errno. */
  cloneExec(args: readonly number[]): number {
    return Number(this.#host.ffi.callAddress(this.#cloneExec, args));
  }

  /** Where this processor keeps each component of the extended state: Intel and AMD differ from AVX-512 on. */
  xstateLayout(xstate: Uint8Array): XstateLayout {
    return xstateLayout(xcr0Of(xstate), (bit) => {
      const mark = this.#host.arena.mark;
      const out = this.#host.arena.alloc(16);
      this.#host.ffi.callAddress(this.#cpuid, [XSTATE_LEAF, bit, out.address]);
      const view = viewOf(out.bytes);
      const component = { size: view.getUint32(0, true), offset: view.getUint32(4, true) };
      this.#host.arena.release(mark);
      return component;
    });
  }

  [Symbol.dispose](): void {
    this.#host.call(munmap, { addr: this.#cloneExec, length: PAGE_SIZE });
  }
}
