/** Where a call runs, and what of it reaches the caller: its answer or its error, once nothing of it is left here. */
import { readFileSync } from 'node:fs';
import { CheckpointError, refused } from '../support/errors.js';
import { decodeError } from './errors.js';
import { startHelper } from './helper.js';
import type { CallName, Calls, Message, Task } from './messages.js';
import type { CallOptions } from './requests.js';
import { startThread } from './thread.js';

/** Does `task`, and keeps the caller's event loop alive meanwhile, as any pending operation does. */
export async function perform<Name extends CallName>(
  task: Task<Name>,
  { signal, onProgress }: CallOptions,
): Promise<Calls[Name]['answer']> {
  const { call } = task;
  if (signal?.aborted) {
    throw refused('cancelled by the caller', { doing: call, cause: signal.reason });
  }
  const job = { ...task, wantsProgress: onProgress !== undefined };
  const runner = isOwnChild(task) ? startHelper(job) : startThread(job);
  signal?.addEventListener('abort', runner.cancel);
  try {
    const last = await runner.run(onProgress ?? (() => {}));
    return answerOf(call, last, signal?.aborted ? signal.reason : undefined);
  } finally {
    signal?.removeEventListener('abort', runner.cancel);
  }
}

/**
 * A task and its tracer's process must not be child and parent: Node waits for its children in every thread's name, so
 * it would take a stop for an exit.
 */
function isOwnChild({ call, options }: Task<CallName>): boolean {
  if (call !== 'dump') return false;
  try {
    const stat = readFileSync(`/proc/${(options as Calls['dump']['options']).pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')')).split(' ')[2] === String(process.pid);
  } catch {
    return false;
  }
}

function answerOf<Answer>(call: CallName, last: Message | undefined, reason: unknown): Answer {
  if (last?.kind === 'answer') return last.answer as Answer;
  if (last?.kind === 'failed') throw decodeError(last.error, reason);
  throw new CheckpointError({
    code: 'gone',
    doing: call,
    what: 'it was stopped from outside before it had an answer',
  });
}
