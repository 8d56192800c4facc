/** Blocked signals, of each thread: the leader's in its process's part of the image, as ever. */
import { defined } from '../../support/assert.js';
import { defineTaskState } from '../kinds.js';
import type { CoreEntry } from '../rebuild-context.js';

export const signalMask = defineTaskState({
  name: 'blocked signals',
  scope: 'thread',
  inspect: ({ thread: { sigmask }, isLeader }) =>
    isLeader ? { tc: { blk_sigset: sigmask } } : { thread_core: { blk_sigset: sigmask } },
});

/** A thread's own mask wins; older images have the leader's alone. */
export function blockedSignals(thread: { vtid: number; core: CoreEntry }): bigint {
  const { thread_core, tc } = thread.core;
  return defined(
    thread_core?.blk_sigset ?? tc?.blk_sigset,
    `thread ${thread.vtid} has no signal mask`,
  );
}
