/** General registers, with a system call that was interrupted issued again, and what the thread resumes with. */
import {
  abortRseq,
  forImage,
  fromImage,
  is32Bit,
  isNative,
  isRestart,
  narrowed,
  type Registers,
  type RseqCs,
  user_regs_struct,
  widened,
} from '../../arch/arch.js';
import type { ProcessView, ThreadView } from '../../checkpoint/views.js';
import { user_x86_regs_mode } from '../../images/messages/core-x86.js';
import { defined } from '../../support/assert.js';
import { type CheckpointError, imageError, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { is32BitCore, is32BitProcess } from './code-width.js';
import { xstateOf } from './fpu.js';
import { readCriticalSection } from './rseq.js';
import { descriptorsOf } from './segments.js';
import { blockedSignals } from './signal-mask.js';

export const registers = defineTaskState<RseqCs | undefined>({
  name: 'registers',
  scope: 'thread',
  observe(port, { process, thread }) {
    if (!runsItsProgram(process, thread)) throw otherCode(process.is32Bit);
    // Read before, too: the kernel forgets a critical section once the task runs outside of it.
    return readCriticalSection(port, process.task, thread.rseq);
  },
  inspect: ({ thread: { regs }, seen: section }) => {
    const abort = section && abortRseq(regs, section);
    const aborted = abort === undefined ? regs : { ...regs, ip: abort };
    const { regs: saved, restart } = forImage(aborted);
    const { NATIVE, COMPAT } = user_x86_regs_mode;
    const gpregs = is32Bit(regs)
      ? { ...narrowed(saved), mode: COMPAT, restart }
      : { ...saved, mode: NATIVE, restart };
    return { thread_info: { gpregs } };
  },
  rebuild(thread, { port }) {
    const info = defined(thread.core.thread_info, `thread ${thread.vtid} has no registers`);
    const isNarrow = is32BitCore(thread.core);
    if (isNarrow !== is32BitProcess(thread.process)) throw otherCode(!isNarrow);
    const { restart } = info.gpregs;
    if (restart !== undefined && !isRestart(restart)) {
      throw imageError(`${restart} is said to be how a call was interrupted, which it cannot`);
    }
    const regs = isNarrow ? widened(info.gpregs, info.tls) : info.gpregs;
    verifyCode(regs, isNarrow);
    thread.task.final = {
      regs: user_regs_struct.encode(fromImage(regs, restart)),
      xstate: xstateOf(info.fpregs, port.xstateLayout),
      sigmask: blockedSignals(thread),
      segments: descriptorsOf(thread.core),
    };
  },
});

/** Whether the thread runs the code that its program consists of, as far as anything of ours could run in it. */
export const runsItsProgram = (process: ProcessView, { regs }: ThreadView): boolean =>
  process.is32Bit ? is32Bit(regs) : isNative(regs);

/** Far jumps lead from one to the other; what the kernel keeps for a program is of one kind. */
function otherCode(is32BitProgram: boolean): CheckpointError {
  const [code, program] = is32BitProgram ? ['64-bit', '32-bit'] : ['32-bit', '64-bit'];
  return unsupported(`the thread runs ${code} code in a ${program} program`, {
    remedy:
      'try again when it runs the code of its program (Wine, emulators change between the two)',
  });
}

function verifyCode(regs: Registers, isNarrow: boolean): void {
  const isSound = isNarrow ? is32Bit(regs) : !is32Bit(regs);
  if (isSound) return;
  throw imageError(`its code segment is 0x${regs.cs.toString(16)}: not what its mode says`);
}
