/**
 * Processor features of a thread beside its registers: CPUID faults and permissions are saved; shadow stacks, address tags,
 * open I/O ports and core scheduling are not.
 */
import { archPrctl, prctl, ptrace } from '../../linux/syscalls/tasks.js';
import { iovec } from '../../linux/uapi/mman.js';
import {
  ARCH_GET_CPUID,
  ARCH_GET_XCOMP_PERM,
  ARCH_REQ_XCOMP_PERM,
  ARCH_SET_CPUID,
  PR_SCHED_CORE,
  PR_SCHED_CORE_GET,
} from '../../linux/uapi/prctl.js';
import { NT_386_IOPERM, PTRACE_GETREGSET } from '../../linux/uapi/ptrace.js';
import { viewOf } from '../../support/bytes.js';
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

/** With no tags, all bits of an address count. */
const NO_TAGS = 0xffff_ffff_ffff_ffffn;

export const threadFeatures = defineTaskState({
  name: 'processor features',
  scope: 'thread',
  inspect({ thread: { status } }) {
    const features = status.x86_Thread_features ?? [];
    if (features.length > 0) {
      throw unsupported(`it uses ${features.join(' ')}, which cannot be saved yet`, {
        remedy: 'run the program with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off',
      });
    }
    if ((status.untag_mask ?? NO_TAGS) !== NO_TAGS) {
      throw unsupported('it uses linear address masking (tagged pointers)', {
        remedy: 'run the program without ARCH_ENABLE_TAGGED_ADDR',
      });
    }
    return {};
  },
});

/** arch_prctl(2): 0 when CPUID raises SIGSEGV, 1 when not. */
export const cpuidFault = defineTaskState<undefined, number>({
  name: 'CPUID faulting',
  scope: 'thread',
  probe(tape) {
    const asked = tape.call(archPrctl, { code: ARCH_GET_CPUID, addr: 0 });
    return () => asked.result();
  },
  inspect: ({ probed }) => (probed === 0 ? { thread_core: { cpuid_fault: true } } : {}),
  rebuild({ core, track }) {
    if (!core.thread_core?.cpuid_fault) return;
    track.at('threads').call(archPrctl, { code: ARCH_SET_CPUID, addr: 0 });
  },
});

/** Components that a process must ask for before it may use them: AMX tile data. */
const DYNAMIC_COMPONENTS = [18];

/** ARCH_GET_XCOMP_PERM, Linux 5.16: what was granted cannot be taken back, and children get it. */
export const componentPermissions = defineTaskState<undefined, bigint>({
  name: 'register permissions',
  scope: 'process',
  probe(tape) {
    const place = tape.reserve(8);
    const asked = tape.call(archPrctl, { code: ARCH_GET_XCOMP_PERM, addr: place });
    // EINVAL: a kernel without such permissions.
    return () => (asked.result() === 0 ? viewOf(place.read()).getBigUint64(0, true) : 0n);
  },
  inspect({ probed }) {
    const granted = DYNAMIC_COMPONENTS.filter((bit) => ((probed >> BigInt(bit)) & 1n) === 1n);
    const xcomp_perm = granted.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
    return xcomp_perm === 0n ? {} : { tc: { xcomp_perm } };
  },
  rebuild({ core, track }) {
    const permitted = core.tc?.xcomp_perm ?? 0n;
    for (const bit of DYNAMIC_COMPONENTS) {
      if (((permitted >> BigInt(bit)) & 1n) === 0n) continue;
      track.at('task state').call(archPrctl, { code: ARCH_REQ_XCOMP_PERM, addr: bit });
    }
  },
});

/** IO_BITMAP_BYTES: a bit per port. */
const IO_BITMAP_SIZE = 8192;

/** ioperm(2). ENXIO says that none was ever opened. */
export const ioPorts = defineTaskState<boolean>({
  name: 'I/O ports',
  scope: 'thread',
  observe(port, { thread }) {
    using scope = port.scope();
    const place = scope.alloc(IO_BITMAP_SIZE);
    const iov = iovec.encode({ iov_base: place.address, iov_len: place.length });
    const request = { request: PTRACE_GETREGSET, pid: thread.tid, addr: NT_386_IOPERM, data: iov };
    return port.attempt(ptrace, request) >= 0;
  },
  inspect({ seen }) {
    if (!seen) return {};
    throw unsupported('the thread has access to I/O ports', {
      remedy: 'programs that drive hardware by ioperm(2) cannot be checkpointed',
    });
  },
});

const PIDTYPE_PID = 0;
const COOKIE_SIZE = 8;

/** PR_SCHED_CORE(2const): which threads may share a core. */
export const coreScheduling = defineTaskState<boolean>({
  name: 'core scheduling',
  scope: 'thread',
  observe(port, { thread }) {
    using scope = port.scope();
    const cookie = scope.alloc(COOKIE_SIZE);
    const result = port.attempt(prctl, {
      option: PR_SCHED_CORE,
      arg2: PR_SCHED_CORE_GET,
      arg3: thread.tid,
      arg4: PIDTYPE_PID,
      arg5: cookie.address,
    });
    // EINVAL, ENODEV: a kernel or a processor without it.
    return result >= 0 && cookie.bytes.some((byte) => byte !== 0);
  },
  inspect({ seen }) {
    if (!seen) return {};
    throw unsupported('the thread has a core scheduling cookie', {
      remedy: 'run the program without PR_SCHED_CORE (coresched)',
    });
  },
});
