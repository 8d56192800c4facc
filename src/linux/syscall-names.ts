/** System call numbers to names, for plans and errors. */
import { NR } from './syscall-numbers.js';

export type SyscallName = keyof typeof NR;

const names: ReadonlyMap<number, SyscallName> = new Map(
  Object.entries(NR).map(([name, nr]) => [nr, name as SyscallName]),
);

/** The name of an x86-64 system call, or `syscall_<nr>` for one newer than Linux 6.18. */
export const syscallName = (nr: number): string => names.get(nr) ?? `syscall_${nr}`;
