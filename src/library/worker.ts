/**
 * The entry of a Worker that does one operation and ends. The operation blocks this thread alone; it is the tracer of
 * the tasks, and the parent of what it restores until it ends: then any other thread of the process is.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { OperationEnv } from '../operations/types.js';
import type { CommonOptions } from '../options/types.js';
import { LOG_NOTHING, Log } from '../support/log.js';
import { encodeError } from './errors.js';
import type { CallName, Calls, Job, Message } from './messages.js';
import { throttled } from './throttle.js';

const PROGRESS_MS = 100;

const job = workerData as Job;
const post = (message: Message): void => parentPort?.postMessage(message);

perform(job).then(
  (answer) => post({ kind: 'answer', answer }),
  (thrown) => post({ kind: 'failed', error: encodeError(thrown) }),
);

async function perform({ call, options, cancel, wantsProgress }: Job): Promise<unknown> {
  const word = new Int32Array(cancel);
  const cancelled = () => Atomics.load(word, 0) !== 0;
  if (call === 'wait') {
    const { waitForEnd } = await import('../operations/wait.js');
    return waitForEnd((options as Calls['wait']['options']).pid, { cancelled });
  }
  const log = openLog(options as CommonOptions);
  const report = (event: Parameters<NonNullable<OperationEnv['progress']>>[0]) =>
    post({ kind: 'progress', event });
  const env: OperationEnv = {
    log,
    cancelled,
    ...(wantsProgress && { progress: throttled(report, PROGRESS_MS, () => performance.now()) }),
  };
  try {
    return await operate(call, options, env);
  } catch (error) {
    log.error(call, encodeErrorText(error));
    throw error;
  } finally {
    log.close();
  }
}

/** Without a file there is no log: standard error is the host program's own. */
function openLog({ logFile, verbosity, logPid }: CommonOptions): Log {
  const log = new Log();
  if (logFile === undefined) log.open({ level: LOG_NOTHING });
  else log.open({ level: verbosity, file: logFile, perTask: logPid });
  return log;
}

async function operate(
  call: Exclude<CallName, 'wait'>,
  options: Job['options'],
  env: OperationEnv,
): Promise<unknown> {
  if (call === 'dump') {
    const { dump } = await import('../operations/dump.js');
    return dump(options as Calls['dump']['options'], env);
  }
  if (call === 'restore') {
    const { restore } = await import('../operations/restore.js');
    const report = restore(options as Calls['restore']['options'], env);
    if (report.kind === 'explained') return report;
    const { kind, pid, taskCount, stats } = report;
    return { kind, pid, taskCount, stats };
  }
  const { check } = await import('../operations/check.js');
  return check(options as Calls['check']['options'], env);
}

const encodeErrorText = (error: unknown): string =>
  error instanceof Error ? error.toString() : String(error);
