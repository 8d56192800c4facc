/** The end of a dump: the tasks are killed, stay stopped, or run on. */
import type { Host } from '../host/host.js';
import { setOptions } from '../host/ptrace.js';
import { waitAny } from '../host/wait.js';
import { ESRCH } from '../linux/errno.js';
import { SIGKILL, SIGSTOP } from '../linux/signal.js';
import { kill } from '../linux/syscalls/tasks.js';
import { PTRACE_O_EXITKILL } from '../linux/uapi/ptrace.js';
import type { FrozenTree } from '../tracer/freeze.js';

/** How long the tasks may take to die: they hold memory to give back. */
const KILL_SEC = 60;

/**
 * The commit point of a dump that kills: with EXITKILL on every thread first, our own death in between takes them all,
 * and not some. Returns when all are dead; zombies stay until their own parents reap them.
 */
export function killTree(tree: FrozenTree): void {
  const { host, interrupts } = tree;
  const waiting = new Set<number>(tree.threads);
  for (const tid of waiting) setOptions(host, tid, PTRACE_O_EXITKILL);
  for (const { pid, zombie } of tree.processes) if (!zombie) killProcess(host, pid);
  tree.abandon();
  interrupts.armCleanup(KILL_SEC);
  while (waiting.size > 0) {
    const event = waitAny(host, interrupts, () => 'the dumped tasks to end');
    if (event.kind !== 'stopped') waiting.delete(event.tid);
  }
  interrupts.disarm();
}

function killProcess(host: Host, pid: number): void {
  const result = host.attempt(kill, { pid, sig: SIGKILL });
  // ESRCH: somebody else was faster.
  if (result < 0 && result !== -ESRCH) host.call(kill, { pid, sig: SIGKILL });
}

/** The tasks stay stopped, as SIGSTOP leaves them; SIGCONT lets them run. */
export function stopTree(tree: FrozenTree): void {
  for (const { pid, zombie } of tree.processes) {
    if (!zombie) tree.host.attempt(kill, { pid, sig: SIGSTOP });
  }
}
