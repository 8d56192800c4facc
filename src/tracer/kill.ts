/** SIGKILL, for tasks that must not survive us: a dumped tree, a half-restored one. */
import { attemptReadText } from '../host/files.js';
import type { Host } from '../host/host.js';
import type { Interrupts } from '../host/interrupts.js';
import { pollChild, type WaitEvent, waitAny } from '../host/wait.js';
import { ESRCH } from '../linux/errno.js';
import { parseStatus } from '../linux/procfs/status.js';
import { SIGKILL } from '../linux/signal.js';
import { gettid, kill } from '../linux/syscalls/tasks.js';
import type { Pid } from '../support/brand.js';
import { CheckpointError } from '../support/errors.js';

/** How long the tasks may take to die. */
const KILL_SEC = 5;

/** ESRCH: it is dead already. No other failure has a reason that lasts: the task is ours. */
export function killSurely(host: Host, pid: number): void {
  const result = host.attempt(kill, { pid, sig: SIGKILL });
  if (result < 0 && result !== -ESRCH) host.attempt(kill, { pid, sig: SIGKILL });
}

interface Born {
  /** Traced by us, as far as we know; emptied. */
  alive: Set<Pid>;
  /** All that may have been born, some perhaps without our having seen it. */
  vpids: readonly Pid[];
  interrupts: Interrupts;
}

/** Kills a half-restored tree and collects it, whom its dead parents left to us, too. Throws when it is not gone in time. */
export function killBorn(host: Host, { alive, vpids, interrupts }: Born): void {
  const seen = new Set(alive);
  for (const task of alive) killSurely(host, task);
  interrupts.armCleanup(KILL_SEC);
  for (let left = alive.size; left > 0; left = killUnseen(host, { alive, seen, vpids })) {
    while (alive.size > 0) {
      const { tid, kind } = nextEvent(host, interrupts);
      if (kind !== 'stopped') alive.delete(tid);
      // A newcomer that was not known yet dies with the others.
      else if (!seen.has(tid)) noteNewcomer(host, { alive, seen }, tid);
    }
  }
  for (const task of seen) pollChild(host, task);
}

/** Once more if it fails: there is no second chance to collect them. */
function nextEvent(host: Host, interrupts: Interrupts): WaitEvent {
  const what = () => 'the half-restored tree to be gone';
  try {
    return waitAny(host, interrupts, what);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return waitAny(host, interrupts, what);
  }
}

interface Sets {
  alive: Set<Pid>;
  seen: Set<Pid>;
}

function noteNewcomer(host: Host, { alive, seen }: Sets, tid: Pid): void {
  alive.add(tid);
  seen.add(tid);
  killSurely(host, tid);
}

/** Newcomers whose first stop was not reported before their creators were dead. How many are alive then. */
function killUnseen(host: Host, sets: Sets & Pick<Born, 'vpids'>): number {
  const tracer = host.attempt(gettid, {});
  for (const task of sets.vpids) {
    if (sets.seen.has(task)) continue;
    const text = attemptReadText(host, `/proc/${task}/status`);
    if (typeof text === 'number' || parseStatus(text).TracerPid !== tracer) continue;
    noteNewcomer(host, sets, task);
  }
  return sets.alive.size;
}
