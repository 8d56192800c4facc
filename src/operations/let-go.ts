/** The end of a dump: the tasks are killed, stay stopped, or run on. */
import type { Stubs } from '../host/stubs.js';
import { waitAny } from '../host/wait.js';
import { ESRCH } from '../linux/errno.js';
import { SIGSTOP } from '../linux/signal.js';
import { kill } from '../linux/syscalls/tasks.js';
import { CheckpointError } from '../support/errors.js';
import { Deputy, killCalls } from '../tracer/deputy.js';
import type { FrozenTree } from '../tracer/freeze.js';
import { killSurely } from '../tracer/kill.js';

/** How long the tasks may take to die: they hold memory to give back. */
const KILL_SEC = 60;

/**
 * The commit point of a dump that kills: one call decides, for a single process as for a tree. What throws here has
 * left all tasks as they were. Returns when all are dead; zombies stay until their own parents reap them.
 */
export function killTree(tree: FrozenTree, stubs: Stubs): void {
  const { host } = tree;
  const victims = tree.processes.filter(({ zombie }) => !zombie).map(({ pid }) => pid);
  if (victims.length > 1) {
    using deputy = new Deputy(host, { stubs, when: 'told', calls: killCalls(victims) });
    deputy.tell();
  }
  // All of them, once more: if the deputy was killed by somebody else in the middle of it.
  for (const victim of victims) killSurely(host, victim);
  waitDead(tree);
  tree.abandon();
}

/** Not for ever: those that take longer (in an uninterruptible sleep, say) are dying all the same. */
function waitDead({ host, interrupts, threads }: FrozenTree): void {
  const waiting = new Set<number>(threads);
  interrupts.armCleanup(KILL_SEC);
  try {
    while (waiting.size > 0) {
      const event = waitAny(host, interrupts, () => 'the dumped tasks to end');
      if (event.kind !== 'stopped') waiting.delete(event.tid);
    }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
  }
}

/** The tasks stay stopped, as SIGSTOP leaves them, when they are let go; SIGCONT lets them run. */
export function stopTree(tree: FrozenTree): void {
  const { host } = tree;
  for (const { pid, zombie, threads } of tree.processes) {
    const isStopped = tree.stopSignalOf(threads.map((tid) => ({ tid }))) !== undefined;
    const result = zombie || isStopped ? 0 : host.attempt(kill, { pid, sig: SIGSTOP });
    // ESRCH: somebody killed it.
    if (result < 0 && result !== -ESRCH) host.call(kill, { pid, sig: SIGSTOP });
  }
}
