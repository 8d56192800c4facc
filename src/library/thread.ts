/** A call in a Worker of this process. */
import { Worker } from 'node:worker_threads';
import { encodeError } from './errors.js';
import type { Job, Message, Runner } from './messages.js';
import { WORKER } from './program.js';
import type { ProgressEvent } from './requests.js';

export function startThread(job: Job): Runner {
  const cancelWord = new SharedArrayBuffer(4);
  const worker = new Worker(WORKER, {
    workerData: { ...job, cancelWord },
    name: `woodfrog ${job.call}`,
    // The host's loaders and inspectors have no business here.
    execArgv: [],
    // The operation closes by system calls what it opens by them: Node must not close such numbers once more.
    trackUnmanagedFds: false,
  });
  return {
    run: (onProgress) => runOf(worker, onProgress),
    cancel: () => Atomics.store(new Int32Array(cancelWord), 0, 1),
  };
}

function runOf(
  worker: Worker,
  onProgress: (event: ProgressEvent) => void,
): Promise<Message | undefined> {
  return new Promise((done) => {
    let last: Message | undefined;
    worker.on('message', (message: Message) => {
      if (message.kind === 'progress') onProgress(message.event);
      else last = message;
    });
    worker.once('error', (error) => {
      last = { kind: 'failed', error: encodeError(error) };
    });
    worker.once('exit', () => done(last));
  });
}
