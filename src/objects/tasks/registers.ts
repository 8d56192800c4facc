/** General registers, with a system call that was interrupted issued again, and what the thread resumes with. */
import {
  abortRseq,
  forImage,
  fromImage,
  isNative,
  isRestart,
  type RseqCs,
  user_regs_struct,
} from '../../arch/arch.js';
import { user_x86_regs_mode } from '../../images/messages/core-x86.js';
import { defined } from '../../support/assert.js';
import { imageError, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { xstateOf } from './fpu.js';
import { readCriticalSection } from './rseq.js';
import { descriptorsOf } from './segments.js';
import { blockedSignals } from './signal-mask.js';

const REMEDY_32_BIT = 'only 64-bit programs are supported';

export const registers = defineTaskState<RseqCs | undefined>({
  name: 'registers',
  scope: 'thread',
  observe(port, { process, thread }) {
    // Said before any tape runs: 32-bit code would not come back from one.
    if (!isNative(thread.regs)) {
      throw unsupported('the thread runs 32-bit code', { remedy: REMEDY_32_BIT });
    }
    // Read before, too: the kernel forgets a critical section once the task runs outside of it.
    return readCriticalSection(port, process.task, thread.rseq);
  },
  inspect: ({ thread: { regs }, seen: section }) => {
    const abort = section && abortRseq(regs, section);
    const aborted = abort === undefined ? regs : { ...regs, ip: abort };
    const { regs: saved, restart } = forImage(aborted);
    return { thread_info: { gpregs: { ...saved, mode: user_x86_regs_mode.NATIVE, restart } } };
  },
  rebuild(thread, { port }) {
    const info = defined(thread.core.thread_info, `thread ${thread.vtid} has no registers`);
    if (info.gpregs.mode === user_x86_regs_mode.COMPAT) {
      throw unsupported('the thread runs 32-bit code', { remedy: REMEDY_32_BIT });
    }
    const { restart } = info.gpregs;
    if (restart !== undefined && !isRestart(restart)) {
      throw imageError(`${restart} is said to be how a call was interrupted, which it cannot`);
    }
    thread.task.final = {
      regs: user_regs_struct.encode(fromImage(info.gpregs, restart)),
      xstate: xstateOf(info.fpregs, port.xstateLayout),
      sigmask: blockedSignals(thread),
      segments: descriptorsOf(thread.core),
    };
  },
});
