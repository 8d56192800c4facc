/** The argument of clone3(2) as a value, for tasks that are born on a tape and with a chosen pid. */

import { viewOf } from '../../support/bytes.js';
import { signalName } from '../signal.js';
import { i32 } from '../struct.js';
import { hex, type Param, printFlags } from '../syscall.js';
import { clone_args, cloneFlags } from '../uapi/sched.js';

/** The kernel wants a size beside an address, and adds the two: any size does. */
const STACK_SIZE = 4096;

export interface CloneArguments {
  /** CLONE_*. */
  flags: number;
  /** 0 with CLONE_PARENT or CLONE_THREAD (EINVAL otherwise): the child takes its creator's. */
  exit_signal: number;
  /** The stack pointer the child starts with. */
  sp: number;
  /** The pid, from the innermost pid namespace outwards. CAP_CHECKPOINT_RESTORE; EEXIST when taken (Linux 5.5). */
  set_tid: readonly number[];
}

export const cloneArguments: Param<CloneArguments> = {
  pass: ({ flags, exit_signal, sp, set_tid }, memory) => {
    const tids = new Uint8Array(i32.size * set_tid.length);
    set_tid.forEach((tid, i) => {
      i32.set(viewOf(tids), i * i32.size, tid);
    });
    const args = clone_args.encode({
      flags: BigInt(flags),
      exit_signal,
      stack: sp - STACK_SIZE,
      stack_size: STACK_SIZE,
      set_tid: tids.length === 0 ? 0 : memory.store(tids, i32.align),
      set_tid_size: set_tid.length,
    });
    return memory.store(args, clone_args.align);
  },
  print: ({ flags, exit_signal, sp, set_tid }) => {
    const signal = exit_signal === 0 ? '0' : signalName(exit_signal);
    const bits = flags === 0 ? '0' : printFlags(cloneFlags, flags);
    return `{flags=${bits}, exit_signal=${signal}, sp=${hex(sp)}, set_tid=[${set_tid.join(', ')}]}`;
  },
};
