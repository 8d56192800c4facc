/** Where every thread of a frozen tree is in the cgroup hierarchies. */
import type { ProcessView } from '../../checkpoint/views.js';
import { within } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';
import { type CgroupEntry, CgroupSets } from './sets.js';

export interface ObservedCgroups {
  /** thread_core_entry.cg_set by vtid. */
  setOf: ReadonlyMap<number, number>;
  /** cgroup.img; undefined when every thread is where woodfrog is. */
  entry: CgroupEntry | undefined;
}

export function observeCgroups(
  port: KernelPort,
  processes: readonly ProcessView[],
): ObservedCgroups {
  const sets = new CgroupSets(port.own.cgroups);
  const setOf = new Map<number, number>();
  for (const { pid, comm, threads } of processes) {
    for (const { tid, vtid } of threads) {
      const text = port.readText(`/proc/${pid}/task/${tid}/cgroup`);
      setOf.set(
        vtid,
        within({ pid: tid, comm }, () => sets.idOf(text)),
      );
    }
  }
  return { setOf, entry: sets.entry() };
}
