/**
 * /proc/PID/syscall: where a task that sleeps or is stopped is. proc_pid_syscall(5); Linux
 * fs/proc/base.c.
 */
import { Cursor, unreadable } from './text.js';

const FILE = '/proc/PID/syscall';

export type SyscallState =
  /** On a CPU, or about to be. */
  | { state: 'running' }
  /** Stopped outside a system call; both 0n for a zombie. */
  | { state: 'user'; sp: bigint; pc: bigint }
  | { state: 'syscall'; nr: number; args: bigint[]; sp: bigint; pc: bigint };

export function parseSyscall(text: string): SyscallState {
  if (text === 'running\n') return { state: 'running' };
  const cursor = new Cursor(FILE, text);
  const nr = cursor.signed();
  const words: bigint[] = [];
  for (;;) {
    cursor.skipBlanks();
    if (!text.startsWith('0x', cursor.at)) break;
    words.push(cursor.hex64());
  }
  cursor.endOfLine();
  const [pc, sp, ...rest] = words.reverse();
  if (pc === undefined || sp === undefined || rest.length !== (nr === -1 ? 0 : 6)) {
    throw unreadable(FILE, text);
  }
  return nr === -1
    ? { state: 'user', sp, pc }
    : { state: 'syscall', nr, args: rest.reverse(), sp, pc };
}
