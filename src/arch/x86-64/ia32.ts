/**
 * 32-bit code under a 64-bit kernel (IA32 emulation). Its registers are the low halves of ours, its system calls have
 * numbers of their own (linux/syscall-numbers-32.ts) and come by `int 0x80`, which 64-bit code can use, too.
 * By PTRACE_SETREGS a thread changes over from one to the other: its code segment tells which code it runs.
 */
import { NR_IA32 } from '../../linux/syscall-numbers-32.js';
import type { Registers } from './registers.js';

/** Code segments of user space: __USER_CS, __USER32_CS (arch/x86/include/asm/segment.h). */
export const USER_CS = 0x33n;
export const USER32_CS = 0x23n;

/** The first address that 32-bit code does not reach. */
export const END_32_BIT = 0x1_0000_0000;

// linux/net.h, linux/ipc.h: what the two calls that are many take first.
const SYS_ACCEPT = 5;
const SYS_ACCEPT4 = 18;
const SEMOP = 1;
const SEMTIMEDOP = 4;
const IPC_CALL_MASK = 0xffffn;

const ENDED_BY_STOPS: ReadonlySet<number> = new Set([
  ...[NR_IA32.epoll_wait, NR_IA32.epoll_pwait, NR_IA32.epoll_pwait2],
  ...[NR_IA32.rt_sigtimedwait, NR_IA32.rt_sigtimedwait_time64, NR_IA32.semtimedop_time64],
  ...[NR_IA32.io_getevents, NR_IA32.io_pgetevents, NR_IA32.io_pgetevents_time64],
  ...[NR_IA32.accept4, NR_IA32.recvfrom, NR_IA32.recvmsg],
  ...[NR_IA32.recvmmsg, NR_IA32.recvmmsg_time64, NR_IA32.read, NR_IA32.readv],
  ...[NR_IA32.sendto, NR_IA32.sendmsg, NR_IA32.sendmmsg, NR_IA32.write, NR_IA32.writev],
]);
/** Of socketcall(2): accept, send, recv, sendto, recvfrom, sendmsg, recvmsg, accept4, recvmmsg, sendmmsg. */
const ENDED_SOCKET_CALLS: ReadonlySet<number> = new Set([
  ...[SYS_ACCEPT, 9, 10, 11, 12],
  ...[16, 17, SYS_ACCEPT4, 19, 20],
]);

/** True for a thread that runs 32-bit code. */
export const is32Bit = ({ cs }: Pick<Registers, 'cs'>): boolean => cs === USER32_CS;

/** Whether a stop ends this call by EINTR; see undisturbed. */
export function isEndedByStop(nr: number, { bx }: Registers): boolean {
  if (nr === NR_IA32.socketcall) return ENDED_SOCKET_CALLS.has(Number(low(bx)));
  if (nr === NR_IA32.ipc) return [SEMOP, SEMTIMEDOP].includes(Number(bx & IPC_CALL_MASK));
  return ENDED_BY_STOPS.has(nr);
}

export const isFutex32 = (nr: bigint): boolean =>
  nr === BigInt(NR_IA32.futex) || nr === BigInt(NR_IA32.futex_time64);

const low = (word: bigint): bigint => BigInt.asUintN(32, word);

const WORDS = [
  ...(['bp', 'bx', 'ax', 'cx', 'dx', 'si', 'di', 'orig_ax', 'ip', 'flags', 'sp'] as const),
];
const NOT_THERE = {
  ...{ r8: 0n, r9: 0n, r10: 0n, r11: 0n, r12: 0n, r13: 0n, r14: 0n, r15: 0n },
  ...{ fs_base: 0n, gs_base: 0n },
};

/** As images hold them of 32-bit code: what that cannot see is 0. Its segments' bases are in their descriptors. */
export function narrowed(regs: Registers): Registers {
  const words = Object.fromEntries(WORDS.map((name) => [name, low(regs[name])]));
  return { ...regs, ...NOT_THERE, ...words };
}

/** A descriptor of the thread-local segments, as far as it says where one lies. */
interface Descriptor {
  readonly entry_number: number;
  readonly base_addr: number;
}

const SELECTOR_SHIFT = 3n;
/** Table indicator: of the LDT, which no image has. */
const SELECTOR_LDT = 4n;

/** The registers of an image, with the bases that fs and gs get from their segments. */
export function widened(regs: Registers, descriptors: readonly Descriptor[]): Registers {
  const baseOf = (selector: bigint): bigint => {
    const entry = Number(selector >> SELECTOR_SHIFT);
    const found = descriptors.find(({ entry_number }) => entry_number === entry);
    return found === undefined || (selector & SELECTOR_LDT) !== 0n ? 0n : BigInt(found.base_addr);
  };
  return { ...narrowed(regs), fs_base: baseOf(regs.fs), gs_base: baseOf(regs.gs) };
}
