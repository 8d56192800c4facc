/** Zombies end as they ended before: by exit_group with their code, or by the signal that killed them. */
import { SIG_DFL, SIG_UNBLOCK, SIGKILL, sigaction, sigmask, signalName } from '../linux/signal.js';
import { exitGroup, kill, prctl, rtSigaction, rtSigprocmask } from '../linux/syscalls/tasks.js';
import { PR_SET_DUMPABLE, PR_SET_NAME } from '../linux/uapi/prctl.js';
import { u64Bytes } from '../support/bytes.js';
import { imageError, unsupported } from '../support/errors.js';
import { cString } from '../support/text.js';
import type { Track } from './track.js';

/** wait(2)'s status: the exit code in bits 8-15, or the signal in bits 0-6 and, in bit 7, whether it dumped core. */
export interface ZombieEnd {
  /** task_core_entry.exit_code. */
  readonly status: number;
}

const CORE_DUMPED = 0x80;
const STOPPED = 0x7f;
const SIGNALS_THAT_KILL = 64;
/** No result of a call that returns 0 or -errno. */
const NEVER = 1;

/**
 * Throws for a status that cannot be given again: `unsupported` for one with the core dump bit, which only a real
 * core dump sets; `image` for one no ended process has. The dump asks, too.
 */
export function verifyZombieStatus(status: number): void {
  const signal = status % CORE_DUMPED;
  const code = Math.floor(status / 0x100);
  const isWhole = Number.isInteger(status) && status >= 0 && code <= 0xff;
  if (!isWhole || signal === STOPPED || (signal !== 0 && code !== 0)) {
    throw imageError(`0x${status.toString(16)} is not the wait status of an ended process`);
  }
  if (signal > SIGNALS_THAT_KILL || (signal === 0 && status % 0x100 !== 0)) {
    throw imageError(`0x${status.toString(16)} is not the wait status of an ended process`);
  }
  if (status % 0x100 >= CORE_DUMPED) {
    throw unsupported(`the zombie was killed by ${signalName(signal)} and dumped core`, {
      remedy: 'let its parent wait(2) for it before the dump',
    });
  }
}

/** Steps in the track's present stage; the last of them does not return. */
export function endZombie(
  track: Track,
  { status }: ZombieEnd,
  { vpid, comm }: { vpid: number; comm: string },
): void {
  verifyZombieStatus(status);
  const arg2 = cString(comm);
  track.call(prctl, { option: PR_SET_NAME, arg2, arg3: 0, arg4: 0, arg5: 0 });
  const signal = status % CORE_DUMPED;
  if (signal !== 0) dieOf(track, signal, vpid);
  track.call(exitGroup, { status: Math.floor(status / 0x100) });
}

/** Whoever traces it must let the signal through; the unblocking does not return. */
function dieOf(track: Track, signal: number, vpid: number): void {
  const object = signalName(signal);
  // No core dump, of whatever kind core_pattern asks for: the first zombie may have left one, this one is a copy.
  track.call(prctl, { option: PR_SET_DUMPABLE, arg2: 0, arg3: 0, arg4: 0, arg5: 0 });
  if (signal !== SIGKILL) {
    const act = sigaction.encode({ sa_handler: SIG_DFL });
    track.call(rtSigaction, { signum: signal, act, oldact: 0, sigsetsize: 8 }, { object });
  }
  track.call(kill, { pid: vpid, sig: signal }, { object });
  track.call(
    rtSigprocmask,
    { how: SIG_UNBLOCK, set: u64Bytes(sigmask(signal)), oldset: 0, sigsetsize: 8 },
    // It must not come back at all, so any result stops the tape: a status that differs is no zombie of ours.
    { object: `${object}, which ends it`, mustEqual: NEVER },
  );
}
