/**
 * What a process is beside its parts: its state, and the kernel's flags for it. A stopped process is stopped again as
 * soon as it has its place in the tree, by a signal of its own, and goes on with its tape only because it is traced:
 * let go, it is where it was. What its parent is told of it then was told before, and is forgotten with the SIGCHLD of
 * helpers.
 */
import { TASK_ALIVE, TASK_STOPPED, taskLife } from '../../images/task-state.js';
import type { Stat } from '../../linux/procfs/stat.js';
import {
  SIG_BLOCK,
  SIG_DFL,
  SIG_UNBLOCK,
  SIGCHLD,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  sigaction,
  siginfo_sigchld,
  sigmask,
  signalName,
} from '../../linux/signal.js';
import { rtSigaction, rtSigprocmask, tgkill, waitid } from '../../linux/syscalls/tasks.js';
import { __WALL, P_PID, WNOHANG, WNOWAIT, WSTOPPED } from '../../linux/uapi/sched.js';
import type { Track } from '../../plan/track.js';
import { u64Bytes } from '../../support/bytes.js';
import { imageError } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import { answer } from './common.js';

const STOPPING: readonly number[] = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU];
const SIGSET_SIZE = 8;

export const process = defineTaskState({
  name: 'process state',
  scope: 'process',
  inspect({ process: { stat, stopSignal } }) {
    const common = { exit_code: 0, flags: stat.flags, ...exitSignalOf(stat) };
    if (stopSignal === undefined) return { tc: { task_state: TASK_ALIVE, ...common } };
    return { tc: { task_state: TASK_STOPPED, ...common, stop_signo: stopSignal } };
  },
  rebuild({ core, track, task, vtid }) {
    if (taskLife(core) !== 'stopped') return;
    const signal = core.tc?.stop_signo ?? SIGSTOP;
    if (!STOPPING.includes(signal)) {
      throw imageError(`${signalName(signal)} is said to have stopped it, which it cannot`);
    }
    task.stopSignal = signal;
    stop(track, signal, vtid);
  },
});

/** clone(2) with another signal than SIGCHLD, for which wait(2) needs __WALL or __WCLONE. */
export const exitSignalOf = ({ exit_signal }: Pick<Stat, 'exit_signal'>) =>
  exit_signal === SIGCHLD || exit_signal < 0 ? {} : { exit_signal };

/** All signals are blocked, but for this moment the one: SIGSTOP always comes through. */
function stop(track: Track, signal: number, vpid: number): void {
  const object = `stop by ${signalName(signal)}`;
  const set = u64Bytes(sigmask(signal));
  const mask = (how: number): void => {
    track.call(rtSigprocmask, { how, set, oldset: 0, sigsetsize: SIGSET_SIZE }, { object });
  };
  track.at('task state');
  if (signal !== SIGSTOP) {
    const act = sigaction.encode({ sa_handler: SIG_DFL });
    const args = { signum: signal, act, oldact: 0, sigsetsize: SIGSET_SIZE };
    track.call(rtSigaction, args, { object });
    mask(SIG_UNBLOCK);
  }
  track.call(tgkill, { tgid: vpid, tid: vpid, sig: signal }, { object });
  if (signal !== SIGSTOP) mask(SIG_BLOCK);
}

/** Whether a process has waited for the stops of its children (WUNTRACED), or would be told of them. */
export const stopsSeen = defineTaskState<undefined, number[]>({
  name: 'stopped children',
  scope: 'process',
  probesAlone: ({ process }) => process.stoppedChildren.length > 0,
  probe(tape, own) {
    const options = WSTOPPED | WNOHANG | WNOWAIT | __WALL;
    const asked = (own?.process.stoppedChildren ?? []).map((upid) => {
      const infop = tape.reserve(siginfo_sigchld.size);
      const call = tape.call(waitid, { which: P_PID, upid, infop, options, rusage: 0 });
      return { upid, infop, call };
    });
    return () =>
      asked
        .filter(({ infop, call }) => {
          answer(call.result(), 'waitid');
          return siginfo_sigchld.decode(infop.read()).si_pid === 0;
        })
        .map(({ upid }) => upid);
  },
  inspect: ({ probed }) => ({ tc: { stops_seen: probed } }),
  rebuild({ core, track }) {
    const options = WSTOPPED | WNOHANG | __WALL;
    for (const upid of core.tc?.stops_seen ?? []) {
      track
        .at('threads')
        .call(
          waitid,
          { which: P_PID, upid, infop: 0, options, rusage: 0 },
          { object: `pid ${upid}` },
        );
    }
  },
});
