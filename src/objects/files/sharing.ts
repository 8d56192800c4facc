/**
 * Which tasks share memory, descriptor table, directories and signal handlers, and which descriptors share a
 * description: kcmp(2) orders kernel objects, so N of them are told apart with N log N calls.
 */
import type { ProcessView } from '../../checkpoint/views.js';
import { kcmp } from '../../linux/syscalls/tasks.js';
import { KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_VM } from '../../linux/uapi/sched.js';
import type { TableIds } from '../../plan/shared-tables.js';
import { type CheckpointError, refused, unsupported } from '../../support/errors.js';
import type { KernelPort } from '../ports.js';

/** Items told apart by an order: finds the one equal to a new item, or keeps the new one. */
export class OrderedSet<T> {
  private readonly items: T[] = [];
  private readonly compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number) {
    this.compare = compare;
  }

  /** The item equal to `item`: itself when there was none. */
  findOrAdd(item: T): T {
    const { items } = this;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = items[middle] as T;
      const order = this.compare(item, other);
      if (order === 0) return other;
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    items.splice(low, 0, item);
    return item;
  }
}

/** The order of two kernel objects: 0 when they are one. `type` is KCMP_*. */
export function kcmpOrder(
  port: KernelPort,
  type: number,
  [pid1, idx1]: readonly [number, number],
  [pid2, idx2]: readonly [number, number],
): number {
  const result = port.call(kcmp, { pid1, pid2, type, idx1, idx2 });
  if (result > 2) throw refused(`kcmp: the kernel gives no order of objects (${result})`);
  return result === 2 ? 1 : -result;
}

export interface Sharing {
  ids: TableIds;
  /** Why it cannot be saved. */
  obstacle?: CheckpointError;
}

const KINDS = [
  ['vm_id', KCMP_VM],
  ['files_id', KCMP_FILES],
  ['fs_id', KCMP_FS],
  ['sighand_id', KCMP_SIGHAND],
] as const;
/** 1 belongs to the dumping program itself, in the inventory. */
const FIRST_ID = 2;

/** In the order of `processes`, which all are alive. Ids count from 2 in order of appearance. */
export function observeSharing(port: KernelPort, processes: readonly ProcessView[]): Sharing[] {
  const sharing = processes.map(
    (process): Sharing => ({
      ids: { vm_id: 0, files_id: 0, fs_id: 0, sighand_id: 0 },
      ...threadObstacle(port, process),
    }),
  );
  for (const [field, type] of KINDS) {
    // clone(2) shares signal handlers only together with memory.
    const memories = new Set(sharing.map(({ ids }) => ids.vm_id));
    if (type === KCMP_SIGHAND && memories.size === sharing.length) {
      for (const { ids } of sharing) ids.sighand_id = ids.vm_id;
      break;
    }
    const distinct = new OrderedSet<number>((a, b) =>
      kcmpOrder(port, type, [tidOf(processes, a), 0], [tidOf(processes, b), 0]),
    );
    let next = FIRST_ID;
    sharing.forEach((each, i) => {
      const first = distinct.findOrAdd(i);
      each.ids[field] = first === i ? next++ : (sharing[first]?.ids[field] ?? 0);
    });
  }
  return sharing;
}

const tidOf = (processes: readonly ProcessView[], index: number): number => {
  return (processes[index] as ProcessView).task;
};

/** Threads share the tables of their process unless they called unshare(2). */
function threadObstacle(port: KernelPort, process: ProcessView): Pick<Sharing, 'obstacle'> {
  const [first, ...others] = process.threads;
  for (const thread of others) {
    if (first === undefined) continue;
    const own = ([type]: readonly [number, string]) =>
      kcmpOrder(port, type, [first.tid, 0], [thread.tid, 0]) !== 0;
    const table = (
      [
        [KCMP_FILES, 'descriptor table (unshare(2) with CLONE_FILES)'],
        [KCMP_FS, 'working directory and umask (unshare(2) with CLONE_FS)'],
      ] as const
    ).find(own);
    if (table !== undefined) {
      return {
        obstacle: unsupported(
          `its thread ${thread.tid} has its own ${table[1]}: threads that unshare are not saved yet`,
        ),
      };
    }
  }
  return {};
}
