/**
 * Which clones of a tree share tables: memory, descriptors, directories, signal handlers are shared only from birth,
 * with the creator. Where two that share are not creator and child, those between them carry the table, and give it
 * up (unshare(2)) once their own children are born. Pure.
 */
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_VM } from '../linux/uapi/sched.js';
import { imageError, unsupported } from '../support/errors.js';
import type { Member } from './birth-order.js';

/** ids-PID.img: processes with the same number share the table. */
export interface TableIds {
  vm_id: number;
  files_id: number;
  fs_id: number;
  sighand_id: number;
}

export const TABLES = [
  { field: 'vm_id', flag: CLONE_VM, what: 'memory', canUnshare: false },
  { field: 'sighand_id', flag: CLONE_SIGHAND, what: 'signal handlers', canUnshare: false },
  { field: 'files_id', flag: CLONE_FILES, what: 'descriptor table', canUnshare: true },
  { field: 'fs_id', flag: CLONE_FS, what: 'working directory', canUnshare: true },
] as const;

/** Which process does what belongs to a table: the first of those that share it, in the order of the tree. */
export type Owners = Readonly<Record<keyof TableIds, number>>;

export class TableOwners {
  readonly #first = new Map<string, number>();

  /** Asked in the order of the tree: then each is known. */
  of(vpid: number, ids: TableIds | undefined): Owners {
    const owner = (field: keyof TableIds): number => {
      if (ids === undefined) return vpid;
      const key = `${field} ${ids[field]}`;
      const first = this.#first.get(key) ?? vpid;
      this.#first.set(key, first);
      return first;
    };
    return {
      vm_id: owner('vm_id'),
      files_id: owner('files_id'),
      fs_id: owner('fs_id'),
      sighand_id: owner('sighand_id'),
    };
  }
}

type Table = (typeof TABLES)[number];

export interface SharedTables {
  /** By vpid: CLONE_* with which a member is born. */
  flags: Map<number, number>;
  /** By vpid: CLONE_* that a member unshares once it has borne its children. */
  unshare: Map<number, number>;
}

/** `members`: creators before those they bear; `idsOf`: undefined for helpers and zombies, which have nothing to share. */
export function shareTables(
  members: readonly Member[],
  idsOf: (vpid: number) => TableIds | undefined,
): SharedTables {
  const shared: SharedTables = { flags: new Map(), unshare: new Map() };
  for (const table of TABLES) {
    const carried = new Map<number, number>();
    for (const [id, group] of groupsOf(members, idsOf, table)) {
      if (group.length > 1) shareOne(shared, { table, id, group, members, idsOf, carried });
    }
  }
  for (const [vpid, flags] of shared.flags) {
    if ((flags & CLONE_SIGHAND) !== 0 && (flags & CLONE_VM) === 0) {
      throw imageError(`pid ${vpid} shares signal handlers but not memory`);
    }
  }
  return shared;
}

function groupsOf(
  members: readonly Member[],
  idsOf: (vpid: number) => TableIds | undefined,
  { field }: Table,
): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const { vpid } of members) {
    const id = idsOf(vpid)?.[field];
    if (id === undefined) continue;
    const group = groups.get(id);
    if (group) group.push(vpid);
    else groups.set(id, [vpid]);
  }
  return groups;
}

interface Sharing {
  table: Table;
  id: number;
  group: readonly number[];
  members: readonly Member[];
  idsOf(vpid: number): TableIds | undefined;
  /** Who carries which table already, by vpid. */
  carried: Map<number, number>;
}

/** A birth lies between two of the group if some but not all of them descend from it. */
function shareOne({ flags, unshare }: SharedTables, sharing: Sharing): void {
  const { table, id, group, members, idsOf, carried } = sharing;
  const below = countBelow(members, new Set(group));
  const carry = (vpid: number): void => {
    const own = idsOf(vpid)?.[table.field];
    const other = carried.get(vpid);
    if (other !== undefined && other !== id) throw cannotShare(sharing, vpid);
    carried.set(vpid, id);
    if (own === undefined || own === id) return;
    if (!table.canUnshare) throw cannotShare(sharing, vpid);
    unshare.set(vpid, (unshare.get(vpid) ?? 0) | table.flag);
  };
  for (const { vpid, creator } of members) {
    const count = below.get(vpid) ?? 0;
    if (count === 0 || count === group.length) continue;
    if (creator === 0) throw cannotShare(sharing, vpid);
    flags.set(vpid, (flags.get(vpid) ?? 0) | table.flag);
    carry(creator);
    carry(vpid);
  }
}

/** How many of the group each member is or has borne, at however many removes. */
function countBelow(members: readonly Member[], group: ReadonlySet<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { vpid, creator } of [...members].reverse()) {
    const count = (counts.get(vpid) ?? 0) + (group.has(vpid) ? 1 : 0);
    counts.set(vpid, count);
    counts.set(creator, (counts.get(creator) ?? 0) + count);
  }
  return counts;
}

function cannotShare({ table, group }: Sharing, vpid: number) {
  return unsupported(
    `the pids ${group.join(', ')} share their ${table.what}, which cannot be made again: pid ${vpid} stands between them`,
    { object: 'process tree' },
  );
}
