/**
 * The program of a Worker, or of a helper process, that does one operation and ends. The operation blocks this thread
 * alone; it is the tracer of the tasks, and the parent of what it restores until it ends: then any other thread is.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { OperationEnv } from '../operations/types.js';
import type { CommonOptions } from '../options/types.js';
import { LOG_NOTHING, Log } from '../support/log.js';
import { encodeError } from './errors.js';
import type { CallName, Calls, Job, Message, ThreadJob } from './messages.js';
import type { ProgressEvent } from './requests.js';
import { throttled } from './throttle.js';

const PROGRESS_MS = 100;

/** What the two kinds of caller differ in. */
interface Caller {
  post(message: Message): void;
  /** Undefined: by SIGTERM. */
  readonly cancelled?: () => boolean;
}

if (isMainThread) {
  process.once('message', async (job: Job) => {
    await serve(job, { post: (message) => process.send?.(message) });
    process.disconnect();
  });
} else {
  const job = workerData as ThreadJob;
  const word = new Int32Array(job.cancelWord);
  const post = (message: Message) => parentPort?.postMessage(message);
  serve(job, { post, cancelled: () => Atomics.load(word, 0) !== 0 });
}

async function serve(job: Job, caller: Caller): Promise<void> {
  try {
    caller.post({ kind: 'answer', answer: await perform(job, caller) });
  } catch (thrown) {
    caller.post({ kind: 'failed', error: encodeError(thrown) });
  }
}

async function perform(
  { call, options, wantsProgress }: Job,
  { post, cancelled }: Caller,
): Promise<unknown> {
  if (call === 'wait') {
    const { waitForEnd } = await import('../operations/wait.js');
    return waitForEnd((options as Calls['wait']['options']).pid, cancelled ? { cancelled } : {});
  }
  const log = openLog(options as CommonOptions);
  const report = (event: ProgressEvent) => post({ kind: 'progress', event });
  const env: OperationEnv = {
    log,
    ...(cancelled && { cancelled }),
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
