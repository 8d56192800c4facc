/** Machine code in our own process: one executable page, filled once. */
import {
  type Assembled,
  type CpuidRegisters,
  cloneExecStub,
  cloneTapeStub,
  cpuidStub,
  type XstateLayout,
  xcr0Of,
  xstateLayout,
} from '../arch/arch.js';
import { FULL_SIGSET, SIG_SETMASK } from '../linux/signal.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import { rtSigprocmask } from '../linux/syscalls/tasks.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../linux/uapi/mman.js';
import { defined } from '../support/assert.js';
import { PAGE_SIZE } from '../support/brand.js';
import { alignUp, u64Bytes, viewOf } from '../support/bytes.js';
import type { Host } from './host.js';

const SIGSET_SIZE = 8;
const XSTATE_LEAF = 0xd;

export class Stubs implements Disposable {
  readonly #host: Host;
  readonly #page: number;
  readonly #at = new Map<Assembled, number>();

  constructor(host: Host) {
    this.#host = host;
    this.#page = host.call(mmap, {
      addr: 0,
      length: PAGE_SIZE,
      prot: PROT_READ | PROT_WRITE | PROT_EXEC,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      fd: -1,
      offset: 0,
    });
    const memory = host.ffi.view(this.#page, PAGE_SIZE);
    let offset = 0;
    for (const stub of [cloneExecStub, cloneTapeStub, cpuidStub]) {
      memory.set(stub.code, offset);
      this.#at.set(stub, this.#page + offset);
      offset = alignUp(offset + stub.code.length, 16);
    }
  }

  /** The six arguments of cloneExecStub. A pid, or -errno. */
  cloneExec(args: readonly number[]): number {
    return this.#clone(cloneExecStub, args);
  }

  /** The three arguments of cloneTapeStub. A pid, or -errno. */
  cloneTape(args: readonly number[]): number {
    return this.#clone(cloneTapeStub, args);
  }

  /** Signals are blocked meanwhile, and in the child: a handler would run on a stack that is none. */
  #clone(stub: Assembled, args: readonly number[]): number {
    const host = this.#host;
    const injected = host.faults.before('clone3');
    if (injected !== 0) return -injected;
    using scope = host.scope();
    const old = scope.alloc(SIGSET_SIZE);
    const blocked = { how: SIG_SETMASK, oldset: old, sigsetsize: SIGSET_SIZE };
    host.call(rtSigprocmask, { ...blocked, set: u64Bytes(FULL_SIGSET) });
    const result = Number(this.#call(stub, args));
    const unblock = { ...blocked, set: old.bytes.slice(), oldset: 0 };
    // The child is there: its pid must be returned. With all signals blocked no wait would have a deadline.
    if (host.attempt(rtSigprocmask, unblock) < 0) host.attempt(rtSigprocmask, unblock);
    return result;
  }

  #call(stub: Assembled, args: readonly number[]): number | bigint {
    return this.#host.ffi.callAddress(defined(this.#at.get(stub), 'a stub is laid out'), args);
  }

  /** Where this processor keeps each component of the extended state: Intel and AMD differ from AVX-512 on. */
  xstateLayout(xstate: Uint8Array): XstateLayout {
    return xstateLayout(xcr0Of(xstate), (bit) => {
      const { eax: size, ebx: offset } = this.cpuid(XSTATE_LEAF, bit);
      return { size, offset };
    });
  }

  /** CPUID, on the processor that we happen to be on. */
  cpuid(leaf: number, subleaf: number): CpuidRegisters {
    using scope = this.#host.scope();
    const out = scope.alloc(16);
    this.#call(cpuidStub, [leaf, subleaf, out.address]);
    const view = viewOf(out.bytes);
    const [eax = 0, ebx = 0, ecx = 0, edx = 0] = [0, 4, 8, 12].map((at) =>
      view.getUint32(at, true),
    );
    return { eax, ebx, ecx, edx };
  }

  [Symbol.dispose](): void {
    this.#host.attempt(munmap, { addr: this.#page, length: PAGE_SIZE });
  }
}
