/**
 * Names that exist for a moment, as steps: a file is made under its old name, or one beside it when that is taken, opened,
 * and the name taken away again in adjacent records, in the stage 'lost names'. The open file shows the name it had, and
 * no directory does. Pure but for a look at which names are free.
 */
import { dirname } from 'node:path';
import { ENOENT } from '../../linux/errno.js';
import { AT_FDCWD } from '../../linux/syscall.js';
import { linkat, mkdirat, mknodat, openat, unlinkat } from '../../linux/syscalls/files.js';
import {
  __O_TMPFILE,
  AT_REMOVEDIR,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../../linux/uapi/fcntl.js';
import type { Track } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import type { KernelPort } from '../ports.js';
import type { RebuildInputs } from '../rebuild-context.js';
import type { GhostEntry } from './ghost.js';

const OPEN_PATH = O_PATH | O_NOFOLLOW | O_CLOEXEC;

/** Adds the steps to one track, the first process's. */
export class LostNames {
  private readonly track: Track;
  private readonly port: KernelPort;
  private readonly plan: RebuildInputs['plan'];

  constructor({ processes, port, plan }: RebuildInputs) {
    this.track = defined(processes[0], 'a tree has a root').track;
    this.port = port;
    this.plan = plan;
  }

  /**
   * A new file of the ghost's type, at a temporary descriptor: open for writing if it is a regular one, else only as a
   * path. With `others`, at further descriptors, under the other names it had.
   */
  makeGhost(
    id: number,
    entry: GhostEntry,
    [name = '', ...others]: readonly string[],
  ): { fd: number; further: number[] } {
    this.track.at('lost names');
    if (others.length === 0) {
      const fd = this.inFolder(name, () => this.create(id, entry, this.freeName(name, id)));
      return { fd, further: [] };
    }
    // One more name, ours alone, holds the file while it has its names in turn.
    const holder = `${dirname(name)}/.woodfrog-ghost-${this.port.own.tid}-${id}`;
    this.takeAwayOnFailure(holder, 0);
    return this.inFolder(name, () => {
      const step = { object: `ghost file ${id}` };
      this.track.call(openat, creation(holder), { ...step, mustEqual: 0 });
      const fd = this.track.keepFd(0, step);
      const further = [name, ...others].map((each) => this.borrow(holder, each, id));
      this.unlink(holder, 0, step.object);
      return { fd, further };
    });
  }

  /** A file that can be given its first name by linkat(2), as one made by O_TMPFILE can. */
  makeNameless(name: string): number {
    const flags = __O_TMPFILE | O_DIRECTORY | O_RDWR | O_CLOEXEC;
    const at = { dirfd: AT_FDCWD, pathname: dirname(name), flags, mode: 0o600 };
    return this.track.at('lost names').newFd(openat, at, { object: `file '${name}'` });
  }

  /** The file that `holder` names, opened as a path by a name that it has for this moment alone. */
  borrow(holder: string, name: string, id: number): number {
    const object = `file '${name}'`;
    const { track } = this;
    track.at('lost names');
    return this.inFolder(name, () => {
      const newpath = this.freeName(name, id);
      const paths = { olddirfd: AT_FDCWD, oldpath: holder, newdirfd: AT_FDCWD, newpath };
      track.call(linkat, { ...paths, flags: 0 }, { object });
      return this.openAndForget(newpath, { object, flags: 0 });
    });
  }

  private create(id: number, { mode, rdev = 0 }: GhostEntry, path: string): number {
    const { track } = this;
    const object = `ghost file ${id}`;
    const type = mode & S_IFMT;
    if (type === S_IFREG) {
      track.call(openat, creation(path), { object, mustEqual: 0 });
      this.unlink(path, 0, object);
      return track.keepFd(0, { object });
    }
    const at = { dirfd: AT_FDCWD, pathname: path };
    if (type === S_IFDIR) track.call(mkdirat, { ...at, mode: 0o700 }, { object });
    else track.call(mknodat, { ...at, mode: type, dev: rdev }, { object });
    return this.openAndForget(path, { object, flags: type === S_IFDIR ? AT_REMOVEDIR : 0 });
  }

  private openAndForget(
    path: string,
    { object, flags }: { object: string; flags: number },
  ): number {
    const open = { dirfd: AT_FDCWD, pathname: path, flags: OPEN_PATH, mode: 0 };
    this.track.call(openat, open, { object, mustEqual: 0 });
    this.unlink(path, flags, object);
    return this.track.keepFd(0, { object });
  }

  private unlink(pathname: string, flags: number, object: string): void {
    this.track.call(unlinkat, { dirfd: AT_FDCWD, pathname, flags }, { object });
  }

  /** With the directory of `name` in place; what is missing of it goes again. */
  private inFolder<T>(name: string, add: () => T): T {
    const missing: string[] = [];
    for (let at = dirname(name); this.isFree(at); at = dirname(at)) missing.unshift(at);
    for (const pathname of missing) {
      const at = { dirfd: AT_FDCWD, pathname, mode: 0o700 };
      this.track.call(mkdirat, at, { object: `directory '${pathname}'` });
      this.takeAwayOnFailure(pathname, AT_REMOVEDIR);
    }
    const result = add();
    for (const each of missing.reverse()) this.unlink(each, AT_REMOVEDIR, `directory '${each}'`);
    return result;
  }

  private isFree(path: string): boolean {
    return this.port.attemptStat(path) === -ENOENT;
  }

  /** The name, or one beside it. */
  private freeName(name: string, id: number): string {
    let free = name;
    for (let i = 0; !this.isFree(free); i++) {
      free = `${name}.ghost-${id.toString(16)}${i === 0 ? '' : `.${i}`}`;
    }
    return free;
  }

  /** Only for what is certainly ours: a name that nobody else would choose, a directory that was not there. */
  private takeAwayOnFailure(pathname: string, flags: number): void {
    this.plan.onFailure.push({
      what: `'${pathname}' is taken away`,
      // ENOENT: it was never made, or has gone already.
      run: (port) => {
        port.attempt(unlinkat, { dirfd: AT_FDCWD, pathname, flags });
      },
    });
  }
}

const creation = (pathname: string) => ({
  ...{ dirfd: AT_FDCWD, pathname, mode: 0o600 },
  flags: O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
});
