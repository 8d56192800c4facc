/**
 * Starts a Worker for one operation and turns what it says into a promise. The Worker keeps the caller's event loop
 * alive until it has answered, as any pending operation does.
 */
import { Worker } from 'node:worker_threads';
import { bug, CheckpointError, refused } from '../support/errors.js';
import { decodeError } from './errors.js';
import type { CallName, Calls, Job, Message } from './messages.js';
import type { CallOptions } from './requests.js';

/** Beside this module, and, in the package, beside the bundle that holds it. */
const WORKER = new URL('./worker.js', import.meta.url);

export async function callWorker<Name extends CallName>(
  call: Name,
  options: Calls[Name]['options'],
  { signal, onProgress }: CallOptions,
): Promise<Calls[Name]['answer']> {
  if (signal?.aborted)
    throw refused('cancelled by the caller', { doing: call, cause: signal.reason });
  const cancel = new SharedArrayBuffer(4);
  const workerData: Job<Name> = { call, options, cancel, wantsProgress: onProgress !== undefined };
  const stop = () => Atomics.store(new Int32Array(cancel), 0, 1);
  signal?.addEventListener('abort', stop);
  try {
    return await answerOf(startWorker(workerData), { call, signal, onProgress });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function startWorker(workerData: Job): Worker {
  return new Worker(WORKER, {
    workerData,
    name: `woodfrog ${workerData.call}`,
    // The host's loaders and inspectors have no business here.
    execArgv: [],
    // The operation closes by system calls what it opens by them: Node must not close such numbers once more.
    trackUnmanagedFds: false,
  });
}

interface Caller {
  readonly call: CallName;
  readonly signal: CallOptions['signal'] | undefined;
  readonly onProgress: CallOptions['onProgress'] | undefined;
}

function answerOf<Answer>(worker: Worker, { call, signal, onProgress }: Caller): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    let settle: (() => void) | undefined;
    worker.on('message', (message: Message) => {
      if (message.kind === 'progress') onProgress?.(message.event);
      else if (message.kind === 'answer') settle = () => resolve(message.answer as Answer);
      else
        settle = () =>
          reject(decodeError(message.error, signal?.aborted ? signal.reason : undefined));
    });
    worker.once('error', (cause) => {
      const what = `the Worker failed: ${cause instanceof Error ? cause.message : String(cause)}`;
      settle = () => reject(bug(what, { doing: call, cause }));
    });
    // Only then is nothing of the operation left in this process.
    worker.once('exit', () => {
      if (settle) settle();
      else reject(stopped(call));
    });
  });
}

const stopped = (call: CallName): CheckpointError =>
  new CheckpointError({
    code: 'gone',
    doing: call,
    what: 'its Worker was stopped before it answered',
  });
