/** Small readers of /proc for the tests' view from outside; independent of the code under test. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A file below /proc/PID, or undefined once the process is gone or refuses. */
export function procText(pid: number | string, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}

export function procLink(pid: number | string, name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}

export function procList(pid: number | string, name: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/${name}`);
  } catch {
    return [];
  }
}

/** The fields of /proc/PID/status. */
export function procStatus(pid: number | string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of (procText(pid, 'status') ?? '').split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

/** The state letter of proc_pid_stat(5), or undefined when there is no such process. */
export function stateOf(pid: number): string | undefined {
  return procStatus(pid).get('State')?.[0];
}

export const threadsOf = (pid: number): number[] => procList(pid, 'task').map(Number);

/** Has a living thread; a dead leader alone does not make a process dead. */
export function isAlive(pid: number): boolean {
  return threadsOf(pid).some(
    (tid) => !/^State:\s+[ZX]/m.test(procText(`${pid}/task/${tid}`, 'status') ?? 'State: X'),
  );
}

export function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((tid) =>
    (procText(pid, `task/${tid}/children`) ?? '').split(' ').filter(Boolean).map(Number),
  );
}

/** The process and all its descendants, parents first. */
export function treeOf(pid: number): number[] {
  if (stateOf(pid) === undefined) return [];
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

/** Every process whose initial environment holds `marker`. */
export function processesMarked(marker: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && procText(pid, 'environ')?.includes(marker));
}
