/** A failed record as an error: which call, for which object of which task, why, and what to do about it. */
import { attemptReadText } from '../host/files.js';
import type { Host } from '../host/host.js';
import { EEXIST, ENOENT, EPERM, errnoName } from '../linux/errno.js';
import { parseStat } from '../linux/procfs/stat.js';
import { printCall } from '../linux/syscall.js';
import type { Stage } from '../plan/stages.js';
import { type Step, type Track, Value, WordAt } from '../plan/track.js';
import { CheckpointError } from '../support/errors.js';

export interface FailedStep {
  track: Track;
  step: Step;
  /** Negative: -errno. Otherwise a result that is not the one it had to be. */
  result: number;
  stage: Stage;
}

export function explainFailure(host: Host, failed: FailedStep): CheckpointError {
  const { track, step, result } = failed;
  const isErrno = result < 0 && result > -4096;
  const shown = showStep(step);
  const what = isErrno
    ? `${shown}: ${errnoName(-result)}`
    : `${shown} = ${result}, not ${String(step.mustEqual)}`;
  const remedy = remedyFor(host, failed);
  return new CheckpointError({
    code: 'refused',
    what: `${what}${reasonFor(host, failed)}`,
    syscall: step.call.name,
    ...(isErrno ? { errno: errnoName(-result) } : {}),
    ...(step.object === undefined ? {} : { object: step.object }),
    ...(step.fd === undefined ? {} : { fd: step.fd }),
    ...(track.vpid === undefined ? {} : { pid: track.vpid, comm: commIn(track.name) }),
    ...(remedy === undefined ? {} : { remedy }),
  });
}

function showStep(step: Step): string {
  if (typeof step.args === 'function') return step.call.name;
  return printCall(step.call, step.args as never, (value) =>
    value instanceof Value || value instanceof WordAt ? '<an earlier result>' : undefined,
  );
}

/** 'pid 12 (bash)' -> 'bash'. */
const commIn = (name: string): string => /\((.*)\)/.exec(name)?.[1] ?? name;

const isTaken = ({ step, result }: FailedStep): boolean =>
  step.call.name === 'clone3' && result === -EEXIST;

function reasonFor(host: Host, failed: FailedStep): string {
  if (!isTaken(failed)) return '';
  const id = Number(/\d+/.exec(failed.step.object ?? '')?.[0] ?? 0);
  const text = attemptReadText(host, `/proc/${id}/stat`);
  if (typeof text === 'number') return ` (pid ${id} is taken, as a session or a process group)`;
  const { comm, state, ppid } = parseStat(text);
  return state === 'Z'
    ? ` (pid ${id} is taken by a zombie, '${comm}', that pid ${ppid} has not reaped)`
    : ` (pid ${id} is taken by '${comm}')`;
}

function remedyFor(host: Host, failed: FailedStep): string | undefined {
  const { result, step } = failed;
  if (isTaken(failed)) {
    return reasonFor(host, failed).includes('zombie')
      ? "let the dumped process's parent wait(2) for it, or end the parent"
      : 'end that process, or restore inside a new pid namespace';
  }
  if (result === -ENOENT) return 'put the missing file back where it was at the dump';
  if (result === -EPERM && step.call.name === 'clone3') {
    return 'run as root, or with CAP_CHECKPOINT_RESTORE: choosing a pid needs it';
  }
  return undefined;
}
