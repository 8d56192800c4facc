/** A call in a process of its own, for what no thread of this one may do. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { refused } from '../support/errors.js';
import { encodeError } from './errors.js';
import type { Job, Message, Runner } from './messages.js';
import { WORKER } from './program.js';
import type { ProgressEvent } from './requests.js';

const CANCELLED_TEXT = 'cancelled by the caller';

export function startHelper(job: Job): Runner {
  const { NODE_OPTIONS: _hostOptions, ...env } = process.env;
  const child = fork(fileURLToPath(WORKER), [], {
    env,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // A session of its own: Ctrl-C is the host program's to handle.
    detached: true,
  });
  let cancelled = false;
  const run = (onProgress: (event: ProgressEvent) => void) =>
    new Promise<Message | undefined>((done) => {
      let last: Message | undefined;
      child.on('message', (message: Message) => {
        if (message.kind === 'progress') onProgress(message.event);
        else last = cancelled ? renamed(message) : message;
      });
      child.once('error', (error) => done({ kind: 'failed', error: encodeError(error) }));
      child.once('close', () =>
        done(last ?? (cancelled ? { kind: 'failed', error: CANCELLED } : last)),
      );
      child.send(job);
    });
  return {
    run,
    cancel: () => {
      cancelled = true;
      child.kill('SIGTERM');
    },
  };
}

/** Of a helper that was stopped before it could say so itself. */
const CANCELLED = encodeError(refused(CANCELLED_TEXT, { doing: 'dump' }));

/** How the operation was told to stop is our own affair. */
function renamed(message: Message): Message {
  if (message.kind !== 'failed' || message.error.what !== 'interrupted by SIGTERM') return message;
  return { kind: 'failed', error: { ...message.error, what: CANCELLED_TEXT } };
}
