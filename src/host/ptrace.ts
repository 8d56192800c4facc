/** ptrace(2), one function per request. All of it must run on the thread that seized the task: the kernel ties them. */
import type { Registers } from '../arch/x86-64/registers.js';
import { user_regs_struct } from '../arch/x86-64/registers.js';
import { ESRCH } from '../linux/errno.js';
import type { SeccompFilter } from '../linux/seccomp.js';
import * as sys from '../linux/syscalls/tasks.js';
import { iovec } from '../linux/uapi/mman.js';
import { user_desc } from '../linux/uapi/prctl.js';
import * as pt from '../linux/uapi/ptrace.js';
import { SOCK_FILTER_SIZE, seccomp_metadata } from '../linux/uapi/seccomp.js';
import { getU64, toNumber, viewOf } from '../support/bytes.js';
import { type Host, syscallError } from './host.js';

/** Large enough for AMX tile data, too. */
const XSTATE_MAX = 16 * 1024;
const SIGSET_SIZE = 8;
const SIGINFO_SIZE = 128;

const request = (host: Host, req: number, tid: number, addr = 0, data = 0): number =>
  host.callWords(sys.ptrace, [req, tid, addr, data]);

/** Attaches without stopping. -errno when it cannot: EPERM for a zombie or a task that is traced already. */
export const attemptSeize = (host: Host, tid: number, options: number): number =>
  host.attemptWords(sys.ptrace, [pt.PTRACE_SEIZE, tid, 0, options]);

/** Asks a seized task to stop. ESRCH, which means that it has died, is told by the next wait. */
export const interrupt = (host: Host, tid: number): void => {
  const result = attemptInterrupt(host, tid);
  if (result < 0 && result !== -ESRCH) throw syscallError('ptrace', -result, 'PTRACE_INTERRUPT');
};

export const attemptInterrupt = (host: Host, tid: number): number =>
  host.attemptWords(sys.ptrace, [pt.PTRACE_INTERRUPT, tid, 0, 0]);

export const setOptions = (host: Host, tid: number, options: number): void => {
  request(host, pt.PTRACE_SETOPTIONS, tid, 0, options);
};

/** Lets a stopped task run on; `signal` is delivered to it first. */
export const resume = (host: Host, tid: number, signal = 0): void => {
  request(host, pt.PTRACE_CONT, tid, 0, signal);
};

/** As `resume`; -ESRCH when the task is not stopped, or dead. */
export const attemptResume = (host: Host, tid: number, signal = 0): number =>
  host.attemptWords(sys.ptrace, [pt.PTRACE_CONT, tid, 0, signal]);

/** Runs to the next entry to or exit from a system call; `signal` is delivered first. */
export const resumeToSyscall = (host: Host, tid: number, signal = 0): void => {
  request(host, pt.PTRACE_SYSCALL, tid, 0, signal);
};

export const attemptDetach = (host: Host, tid: number, signal = 0): number =>
  host.attemptWords(sys.ptrace, [pt.PTRACE_DETACH, tid, 0, signal]);

export function getRegisterBytes(host: Host, tid: number): Uint8Array {
  const mark = host.arena.mark;
  const buffer = host.arena.allocUncleared(user_regs_struct.size);
  request(host, pt.PTRACE_GETREGS, tid, 0, buffer.address);
  const bytes = buffer.bytes.slice();
  host.arena.release(mark);
  return bytes;
}

export const getRegisters = (host: Host, tid: number): Registers =>
  user_regs_struct.decode(getRegisterBytes(host, tid));

export function setRegisterBytes(host: Host, tid: number, bytes: Uint8Array): void {
  const mark = host.arena.mark;
  request(host, pt.PTRACE_SETREGS, tid, 0, host.arena.store(bytes));
  host.arena.release(mark);
}

export const setRegisters = (host: Host, tid: number, regs: Registers): void =>
  setRegisterBytes(host, tid, user_regs_struct.encode(regs));

/** NT_X86_XSTATE: the whole extended state, in the layout of XSAVE. */
export function getXstate(host: Host, tid: number): Uint8Array {
  const mark = host.arena.mark;
  const buffer = host.arena.allocUncleared(XSTATE_MAX, 64);
  const vector = host.arena.alloc(iovec.size);
  vector.bytes.set(iovec.encode({ iov_base: buffer.address, iov_len: buffer.length }));
  request(host, pt.PTRACE_GETREGSET, tid, pt.NT_X86_XSTATE, vector.address);
  const bytes = buffer.bytes.slice(0, iovec.decode(vector.bytes).iov_len);
  host.arena.release(mark);
  return bytes;
}

export function setXstate(host: Host, tid: number, bytes: Uint8Array): void {
  const mark = host.arena.mark;
  const address = host.arena.store(bytes, 64);
  const vector = host.arena.store(iovec.encode({ iov_base: address, iov_len: bytes.length }));
  request(host, pt.PTRACE_SETREGSET, tid, pt.NT_X86_XSTATE, vector);
  host.arena.release(mark);
}

export function getSigmask(host: Host, tid: number): bigint {
  const mark = host.arena.mark;
  const address = host.arena.reserve(SIGSET_SIZE);
  request(host, pt.PTRACE_GETSIGMASK, tid, SIGSET_SIZE, address);
  const mask = host.arena.view.getBigUint64(host.arena.at(address), true);
  host.arena.release(mark);
  return mask;
}

export function setSigmask(host: Host, tid: number, mask: bigint): void {
  const mark = host.arena.mark;
  const address = host.arena.reserve(SIGSET_SIZE);
  host.arena.view.setBigUint64(host.arena.at(address), mask, true);
  request(host, pt.PTRACE_SETSIGMASK, tid, SIGSET_SIZE, address);
  host.arena.release(mark);
}

/** A thread-local segment of the GDT: a user_desc, which names its entry. Linux with 32-bit emulation alone has it. */
export function setSegment(host: Host, tid: number, desc: Uint8Array): void {
  const mark = host.arena.mark;
  const { entry_number } = user_desc.decode(desc);
  request(host, pt.PTRACE_SET_THREAD_AREA, tid, entry_number, host.arena.store(desc));
  host.arena.release(mark);
}

/** The signal a task is stopped for: 128 bytes of siginfo. -errno: EINVAL when it is a group stop. */
export function attemptSiginfo(host: Host, tid: number): Uint8Array | number {
  const mark = host.arena.mark;
  const buffer = host.arena.allocUncleared(SIGINFO_SIZE);
  const result = host.attemptWords(sys.ptrace, [pt.PTRACE_GETSIGINFO, tid, 0, buffer.address]);
  const bytes = result < 0 ? result : buffer.bytes.slice();
  host.arena.release(mark);
  return bytes;
}

/** The siginfo of every pending signal, in queue order, without taking them. `shared`: of the process. */
export function peekPending(host: Host, tid: number, shared: boolean): Uint8Array[] {
  const batch = 32;
  const mark = host.arena.mark;
  const buffer = host.arena.allocUncleared(batch * SIGINFO_SIZE);
  const found: Uint8Array[] = [];
  for (;;) {
    const args = host.arena.store(
      pt.ptrace_peeksiginfo_args.encode({
        off: BigInt(found.length),
        flags: shared ? pt.PTRACE_PEEKSIGINFO_SHARED : 0,
        nr: batch,
      }),
    );
    const count = request(host, pt.PTRACE_PEEKSIGINFO, tid, args, buffer.address);
    for (let i = 0; i < count; i++) {
      found.push(buffer.bytes.slice(i * SIGINFO_SIZE, (i + 1) * SIGINFO_SIZE));
    }
    if (count < batch) break;
  }
  host.arena.release(mark);
  return found;
}

/** Whether the task is one of ours, and stands still: any other is ESRCH to its tracer. */
export function isStoppedTracee(host: Host, tid: number): boolean {
  const mark = host.arena.mark;
  const data = host.arena.alloc(8);
  const result = host.attempt(sys.ptrace, {
    request: pt.PTRACE_GETEVENTMSG,
    pid: tid,
    addr: 0,
    data,
  });
  host.arena.release(mark);
  return result !== -ESRCH;
}

export function eventMessage(host: Host, tid: number): number {
  const mark = host.arena.mark;
  const buffer = host.arena.alloc(8);
  request(host, pt.PTRACE_GETEVENTMSG, tid, 0, buffer.address);
  const message = getU64(viewOf(buffer.bytes), 0);
  host.arena.release(mark);
  return message;
}

/** Most instructions of a filter: linux/bpf_common.h, BPF_MAXINSNS. */
const BPF_MAXINSNS = 4096;

/**
 * The seccomp filter with this index, 0 the oldest. -errno: ENOENT behind the last; EACCES without CAP_SYS_ADMIN, or
 * when we have filters ourselves; EMEDIUMTYPE for one that is not classic BPF.
 */
export function attemptSeccompFilter(
  host: Host,
  tid: number,
  index: number,
): SeccompFilter | number {
  const mark = host.arena.mark;
  const buffer = host.arena.alloc(BPF_MAXINSNS * SOCK_FILTER_SIZE);
  const ask = (req: number, addr: number, data: number): number =>
    host.attempt(sys.ptrace, { request: req, pid: tid, addr, data });
  const count = ask(pt.PTRACE_SECCOMP_GET_FILTER, index, buffer.address);
  let result: SeccompFilter | number = count;
  if (count >= 0) {
    const program = buffer.bytes.slice(0, count * SOCK_FILTER_SIZE);
    buffer.bytes.set(seccomp_metadata.encode({ filter_off: BigInt(index) }));
    const { size } = seccomp_metadata;
    const known = ask(pt.PTRACE_SECCOMP_GET_METADATA, size, buffer.address);
    const { flags } = seccomp_metadata.decode(buffer.bytes);
    result = known < 0 ? known : { program, flags: toNumber(flags) };
  }
  host.arena.release(mark);
  return result;
}

/** -errno: EPERM without CAP_SYS_ADMIN, or when we have filters ourselves. */
export const attemptSetOptions = (host: Host, tid: number, options: number): number =>
  host.attempt(sys.ptrace, {
    request: pt.PTRACE_SETOPTIONS,
    pid: tid,
    addr: 0,
    data: options,
  });

/** The registered rseq area; undefined on kernels before 5.13, which cannot tell. */
export function attemptRseq(host: Host, tid: number) {
  const mark = host.arena.mark;
  const { size } = pt.ptrace_rseq_configuration;
  const buffer = host.arena.alloc(size);
  const request = pt.PTRACE_GET_RSEQ_CONFIGURATION;
  const result = host.attemptWords(sys.ptrace, [request, tid, size, buffer.address]);
  const value = result === size ? pt.ptrace_rseq_configuration.decode(buffer.bytes) : undefined;
  host.arena.release(mark);
  return value;
}
