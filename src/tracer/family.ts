/**
 * Who descends from the root of a tree, found by the parent that every process names: /proc/PID/task/TID/children is a
 * kernel option (CONFIG_PROC_CHILDREN) that not all have.
 */
import { readDir, readIfThere } from '../host/files.js';
import type { Host } from '../host/host.js';
import { parseStat } from '../linux/procfs/stat.js';
import { type Pid, pid } from '../support/brand.js';

export interface Relative {
  pid: Pid;
  /** In our pids; undefined for the root. */
  parent: Pid | undefined;
}

/** A number is not given to another process so soon: the kernel hands out all others first. */
const MEMORY_MS = 500;
/** How often a process without a parent is looked at again. */
const PARENT_TRIES = 8;

/**
 * The first look is taken while nothing is stopped; later ones read only processes that are new, until there is none: a
 * stopped tree has no children.
 */
export class Family {
  readonly #host: Host;
  readonly #root: Pid;
  /** Every process looked at: its parent. */
  #parents = new Map<number, number>();
  readonly #members = new Set<number>();
  #since = performance.now();

  constructor(host: Host, root: Pid) {
    this.#host = host;
    this.#root = root;
  }

  /** Members of the tree that were not there at the last look, parents first. */
  update(): Relative[] {
    this.#forgetOld();
    const children = new Map<number, number[]>();
    for (const name of readDir(this.#host, '/proc')) {
      const id = Number(name);
      if (Number.isNaN(id)) continue;
      const parent = this.#parents.get(id) ?? this.#parentOf(id);
      if (parent === undefined) continue;
      const siblings = children.get(parent);
      if (siblings) siblings.push(id);
      else children.set(parent, [id]);
    }
    const found: Relative[] = [];
    const queue: { id: number; parent: number | undefined }[] = [
      { id: this.#root, parent: undefined },
    ];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { id, parent } = next;
      if (!this.#members.has(id)) {
        this.#members.add(id);
        found.push({ pid: pid(id), parent: parent === undefined ? undefined : pid(parent) });
      }
      for (const child of children.get(id) ?? []) queue.push({ id: child, parent: id });
    }
    return found;
  }

  /** A process that has gone: its number may be another's, and its children have another parent. */
  forget(gone: Pid): void {
    this.#members.delete(gone);
    this.#parents.delete(gone);
    for (const [child, parent] of this.#parents) if (parent === gone) this.#parents.delete(child);
  }

  #forgetOld(): void {
    const now = performance.now();
    if (now - this.#since < MEMORY_MS) return;
    this.#since = now;
    this.#parents = new Map();
  }

  /** A process that another thread of it takes over by exec has no parent for a moment, as if it had always been there. */
  #parentOf(id: number): number | undefined {
    for (let tries = 0; tries < PARENT_TRIES; tries++) {
      const text = readIfThere(this.#host, `/proc/${id}/stat`);
      if (text === undefined) return undefined;
      const { ppid } = parseStat(text);
      if (ppid === 0) continue;
      this.#parents.set(id, ppid);
      return ppid;
    }
    return undefined;
  }
}
