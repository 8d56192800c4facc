/** The inventory, and the processes of the tree: who is whose child, in which group and session, with which threads. */
import { IMAGES } from '../images/catalogue.js';
import { imageName } from '../images/image.js';
import type { task_kobj_ids_entry } from '../images/messages/core.js';
import type { pstree_entry } from '../images/messages/pstree.js';
import type { MessageValue } from '../images/schema.js';
import { taskLife } from '../images/task-state.js';
import { type Inspection, type Part, type Report, repeated } from './problems.js';

export type Ids = MessageValue<typeof task_kobj_ids_entry>;
type PstreeEntry = MessageValue<typeof pstree_entry>;

/** A process of pstree.img. */
export interface TreeProcess {
  readonly pid: number;
  readonly entry: PstreeEntry;
  readonly isZombie: boolean;
  /** Undefined for a zombie, and where it is missing (which is reported). */
  readonly ids: Ids | undefined;
}

/** include/linux/threads.h, PID_MAX_LIMIT. */
const PID_MAX = 4 * 1024 * 1024;
const IMG_VERSION = 2;
const NSEC_PER_SEC = 1_000_000_000;
const ZOMBIE_MEMORY = 'is memory of a process that is a zombie';

export function verifyInventory(inspection: Inspection): void {
  const file = imageName(IMAGES.INVENTORY, undefined);
  const report = inspection.in(file);
  const inventory = inspection.set.get(IMAGES.INVENTORY);
  if (!inventory) {
    report(undefined, 'is missing: the dump did not end well, or the folder is no checkpoint');
    return;
  }
  const { img_version, root_ids, fdinfo_per_id, ns_per_id } = inventory;
  if (img_version !== IMG_VERSION) {
    report('img_version', `is ${img_version}; this version of the format is ${IMG_VERSION}`);
  }
  if (!root_ids) report('root_ids', 'is missing: nothing says which namespaces were shared');
  if (!fdinfo_per_id) report('fdinfo_per_id', 'is not set: descriptor tables cannot be found');
  if (!ns_per_id) report('ns_per_id', 'is not set: namespaces cannot be found');
}

/** The clocks of time namespaces; an old checkpoint has none. */
export function verifyClocks(inspection: Inspection): void {
  for (const id of inspection.set.ids(IMAGES.TIMENS)) {
    const report = inspection.in(imageName(IMAGES.TIMENS, id));
    const { monotonic, boottime } = inspection.set.require(IMAGES.TIMENS, id);
    for (const [name, { tv_nsec }] of Object.entries({ monotonic, boottime })) {
      if (tv_nsec >= NSEC_PER_SEC) report(name, `has ${tv_nsec} ns beside its seconds`);
    }
  }
}

/** A process, as a part of pstree.img. */
const partOf = (value: PstreeEntry): Part => ({ name: `process ${value.pid}`, value });

/** The processes in the order of pstree.img; each process's own images are looked for. */
export function verifyTree(inspection: Inspection): TreeProcess[] {
  const { set } = inspection;
  const report = inspection.in(imageName(IMAGES.PSTREE, undefined));
  const entries = set.many(IMAGES.PSTREE);
  if (entries.length === 0) report(undefined, 'holds no process');
  verifyParents(entries, report);
  verifyGroups(entries, report);
  const processes = entries.map((entry): TreeProcess => {
    const { pid } = entry;
    const isZombie = taskLife(set.get(IMAGES.CORE, pid)) === 'ended';
    const ids = isZombie ? undefined : idsOf(inspection, pid);
    return { pid, entry, isZombie, ids };
  });
  verifyThreadIds(processes, report);
  for (const process of processes) verifyOwnImages(inspection, process);
  return processes;
}

/** The ids of a process's resources, in an image of their own or with its registers. */
function idsOf({ set }: Inspection, pid: number): Ids | undefined {
  return set.get(IMAGES.IDS, pid) ?? set.get(IMAGES.CORE, pid)?.ids;
}

function verifyParents(entries: readonly PstreeEntry[], report: Report): void {
  const seen = new Set<number>();
  for (const [index, entry] of entries.entries()) {
    const { pid, ppid } = entry;
    const name = partOf(entry);
    if (pid < 1 || pid > PID_MAX) report(name, `has a pid that is not from 1 to ${PID_MAX}`);
    if (index === 0 && ppid !== 0) report(name, `is the root and has the parent ${ppid}, not 0`);
    if (index > 0 && ppid === 0) report(name, 'is a second root: it has no parent');
    if (index > 0 && ppid !== 0 && !seen.has(ppid)) {
      report(name, `has the parent ${ppid}, which is not among the processes before it`);
    }
    seen.add(pid);
  }
}

/** A group lies in one session, and a session's leader leads its own group: setpgid(2), setsid(2). */
function verifyGroups(entries: readonly PstreeEntry[], report: Report): void {
  const sessions = new Map<number, number>();
  for (const entry of entries) {
    const { pid, pgid, sid } = entry;
    const name = partOf(entry);
    if (pid === sid && pgid !== pid) {
      report(name, `leads session ${sid} from group ${pgid}, which no kernel allows`);
    }
    const known = sessions.get(pgid);
    // Groups and sessions from outside a pid namespace all show as 0.
    if (known !== undefined && known !== sid && pgid !== 0) {
      report(name, `is of group ${pgid} in session ${sid}; others of that group are in ${known}`);
    }
    if (known === undefined) sessions.set(pgid, sid);
  }
}

function verifyThreadIds(processes: readonly TreeProcess[], report: Report): void {
  const all: { tid: number; entry: PstreeEntry }[] = [];
  for (const { pid, entry, isZombie } of processes) {
    const name = partOf(entry);
    // Nothing is left of a zombie's threads. CRIU writes one, whose number is left to chance: often 0.
    if (isZombie) {
      all.push({ tid: pid, entry });
      continue;
    }
    if (!entry.threads.includes(pid)) {
      report(name, 'is not among its own threads');
      all.push({ tid: pid, entry });
    }
    for (const tid of entry.threads) {
      if (tid < 1 || tid > PID_MAX) report(name, `has a thread ${tid}, which is no thread id`);
      all.push({ tid, entry });
    }
  }
  for (const { tid, entry } of repeated(all, ({ tid }) => tid)) {
    report({ name: `id ${tid}`, value: entry }, 'is that of more than one thread');
  }
}

/** A process that lives has ids, memory, directories and a descriptor table; a zombie has none of them. */
function verifyOwnImages(inspection: Inspection, { pid, isZombie, ids }: TreeProcess): void {
  const { set } = inspection;
  if (isZombie) {
    if (set.has(IMAGES.MM, pid)) inspection.in(imageName(IMAGES.MM, pid))(undefined, ZOMBIE_MEMORY);
    return;
  }
  const missing = (name: string): void =>
    inspection.in(name)(undefined, `is missing; process ${pid} needs it`);
  if (!ids) missing(imageName(IMAGES.IDS, pid));
  if (!set.get(IMAGES.MM, pid)) missing(imageName(IMAGES.MM, pid));
  if (!set.get(IMAGES.FS, pid)) missing(imageName(IMAGES.FS, pid));
  if (ids && !set.has(IMAGES.FDINFO, ids.files_id)) {
    missing(imageName(IMAGES.FDINFO, ids.files_id));
  }
}
