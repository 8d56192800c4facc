/**
 * A process whose leader has called exit(2) while other threads live on: a zombie without memory and tables, that
 * keeps the process's pid, name, credentials and exit code. Its image holds these, and what belongs to the process,
 * which another thread was asked for. At the restore the leader does its part and ends last of all.
 */
import { NO_SYSCALL, user_regs_struct } from '../../arch/arch.js';
import type { ProcessView } from '../../checkpoint/views.js';
import { core_entry_march } from '../../images/messages/core.js';
import { FULL_SIGSET } from '../../linux/signal.js';
import type { FinalState } from '../../plan/plan.js';
import { defined } from '../../support/assert.js';
import { imageError } from '../../support/errors.js';
import type { CoreEntry, ProcessRebuild } from '../rebuild-context.js';
import { credentialsOf } from './credentials.js';
import { exitSignalOf } from './process.js';

const EXIT_CODE_SHIFT = 0x100;
const ROBUST_LIST_LENGTH = 24;

/** The leader's own core, with what the thread that was asked in its place holds of the process. Changes `asked`. */
export function coreOfEndedLeader(
  { endedLeader }: ProcessView,
  { asked }: { asked: CoreEntry },
): CoreEntry {
  const { stat, status } = defined(endedLeader, 'the leader has not ended');
  const { tc, thread_core } = asked;
  const ofThread = defined(thread_core, 'a thread has properties');
  const ofProcess = defined(tc, 'a process has properties');
  ofThread.blk_sigset = ofProcess.blk_sigset;
  delete asked.tc;
  return {
    mtype: core_entry_march.X86_64,
    tc: {
      ...ofProcess,
      blk_sigset: 0n,
      comm: stat.comm,
      leader_exit_code: stat.exit_code,
      ...exitSignalOf(stat),
    },
    thread_core: {
      futex_rla: 0,
      futex_rla_len: ROBUST_LIST_LENGTH,
      comm: stat.comm,
      creds: credentialsOf(status, ofThread.creds?.secbits ?? 0),
    },
  };
}

export const hasEndedLeader = ({ tc }: Pick<CoreEntry, 'tc'>): boolean =>
  tc?.leader_exit_code !== undefined;

/** The leader goes on with exit(2): the registers are another thread's, as any will do. */
export function endOfLeader({ core, threads }: ProcessRebuild): FinalState {
  const status = core.tc?.leader_exit_code ?? 0;
  const other = threads.find(({ isLeader }) => !isLeader)?.core.thread_info?.gpregs;
  if (other === undefined) throw imageError('the leader has ended, and there is no other thread');
  if (status % EXIT_CODE_SHIFT !== 0) {
    throw imageError(`0x${status.toString(16)} is not what exit(2) leaves`);
  }
  return {
    regs: user_regs_struct.encode({ ...other, orig_ax: NO_SYSCALL }),
    xstate: undefined,
    sigmask: FULL_SIGSET,
    exits: status / EXIT_CODE_SHIFT,
  };
}
