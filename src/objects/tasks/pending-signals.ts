/**
 * Signals queued but not yet delivered, with their siginfo: those of the process and those of each thread. All are
 * blocked while they are queued again; each thread queues its own, as the kernel lets only the receiver itself send
 * what claims to come from the kernel or from kill(2). Before it, the stage 'ends' has left no SIGCHLD behind.
 */
import type { ProcessView } from '../../checkpoint/views.js';
import type { signal_queue_entry } from '../../images/messages/siginfo.js';
import type { MessageValue } from '../../images/schema.js';
import {
  hasSignal,
  SI_MAX_SIZE,
  SI_TIMER,
  SI_USER,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  siginfo,
  siginfo_timer,
  sigmask,
  signalName,
  signalsIn,
} from '../../linux/signal.js';
import { rtSigqueueinfo, rtTgsigqueueinfo } from '../../linux/syscalls/tasks.js';
import { imageError, unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import type { ProcessRebuild } from '../rebuild-context.js';

type Queue = MessageValue<typeof signal_queue_entry>;

const STOPPING = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU].reduce(
  (set, signal) => set | sigmask(signal),
  0n,
);

export const pendingShared = defineTaskState({
  name: 'signals pending for the process',
  scope: 'process',
  inspect: ({ process }) => ({
    tc: { signals_s: queueOf(process.pendingShared, process.status.ShdPnd, process) },
  }),
  rebuild({ core, track, process, task }) {
    for (const info of infosOf(core.tc?.signals_s)) {
      const sig = siginfo.decode(info).si_signo;
      if (sig === SIGSTOP) task.stopsLate = true;
      else track.at('pending signals').call(rtSigqueueinfo, { tgid: process.vpid, sig, info });
    }
  },
});

export const pendingPrivate = defineTaskState({
  name: 'signals pending for the thread',
  scope: 'thread',
  inspect: ({ thread, process }) => ({
    thread_core: { signals_p: queueOf(thread.pending, thread.status.SigPnd, process) },
  }),
  rebuild({ core, track, vtid, process }) {
    for (const info of infosOf(core.thread_core?.signals_p)) {
      const sig = siginfo.decode(info).si_signo;
      if (sig === SIGSTOP) stopLate(process);
      else
        track
          .at('pending signals')
          .call(rtTgsigqueueinfo, { tgid: process.vpid, tid: vtid, sig, info });
    }
  },
});

/** It stops the process, whichever thread it was sent to. */
function stopLate({ threads: [leader] }: ProcessRebuild): void {
  if (leader) leader.task.stopsLate = true;
}

/**
 * The queue, and the signals that are pending without an entry in it: the kernel had no memory for one, or
 * RLIMIT_SIGPENDING was reached. Such a signal is delivered as if sent by nobody.
 */
function queueOf(
  infos: readonly Uint8Array[],
  pending: bigint,
  { stopSignal }: ProcessView,
): Queue {
  let queued = 0n;
  for (const info of infos) queued |= sigmask(siginfo.decode(info).si_signo);
  // Of signals that stop and SIGCONT, the one takes the other from the queues: after `pending` was read, perhaps.
  const isStopped = stopSignal !== undefined || (queued & STOPPING) !== 0n;
  const taken = isStopped ? sigmask(SIGCONT) : hasSignal(queued, SIGCONT) ? STOPPING : 0n;
  const lost = signalsIn(pending & ~queued & ~taken).map((si_signo) =>
    siginfo.encode({ si_signo, si_code: SI_USER }),
  );
  const all = [...infos.map(withoutPrivate), ...lost].filter(
    // What is stopped already learns nothing from it, and SIGCONT takes it away.
    (info) => stopSignal === undefined || siginfo.decode(info).si_signo !== SIGSTOP,
  );
  for (const info of all) refuseUnqueueable(siginfo.decode(info).si_signo);
  return { signals: all.map((info) => ({ siginfo: info })) };
}

/**
 * The kernel's own mark in the signal of a POSIX timer, by which it starts the timer again: Linux up to 6.12 shows it.
 * A signal that is queued again is nobody's, and the timer is started by itself.
 */
function withoutPrivate(info: Uint8Array): Uint8Array {
  if (siginfo.decode(info).si_code !== SI_TIMER) return info;
  return siginfo_timer.encode({ ...siginfo_timer.decode(info), si_sys_private: 0 });
}

function infosOf(queue: Queue | undefined): Uint8Array[] {
  const infos = (queue?.signals ?? []).map((entry) => entry.siginfo);
  for (const info of infos) {
    if (info.length !== SI_MAX_SIZE) {
      throw imageError(`a pending signal has ${info.length} bytes, not ${SI_MAX_SIZE}`);
    }
    refuseUnqueueable(siginfo.decode(info).si_signo);
  }
  return infos;
}

function refuseUnqueueable(signal: number): void {
  if (signal !== SIGKILL) return;
  throw unsupported(`${signalName(signal)} is about to be delivered`, {
    remedy:
      signal === SIGKILL ? 'the process is ending' : 'continue the process first: kill -CONT PID',
  });
}
