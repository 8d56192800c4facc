/**
 * Processes that are gone, for programs that have pidfds of them, or files of theirs in /proc: puppets that end as soon
 * as those are open.
 */
import { AT_FDCWD } from '../linux/syscall.js';
import { close, lseek, openat } from '../linux/syscalls/files.js';
import { pidfdOpen } from '../linux/syscalls/tasks.js';
import { O_PATH, SEEK_SET } from '../linux/uapi/fcntl.js';
import { CheckpointError, refused } from '../support/errors.js';
import { endPuppet, startPuppet } from '../tracer/puppet.js';
import type { Session } from './session.js';

export class EndedTasks implements Disposable {
  readonly #session: Session;
  readonly #fds: number[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  /** So many pidfds, each opened anew, of one process that has ended and has been reaped. */
  pidfds(count: number): number[] {
    const { host } = this.#session;
    return this.#while({}, (pid) =>
      Array.from({ length: count }, () => this.#own(host.call(pidfdOpen, { pid, flags: 0 }))),
    );
  }

  /** A file of a process that had this pid, opened while it lived. */
  file({
    pid,
    name,
    flags,
    pos,
  }: {
    pid: number;
    name: string;
    flags: number;
    pos: bigint;
  }): number {
    const { host } = this.#session;
    return this.#while({ tid: pid }, () => {
      const at = { dirfd: AT_FDCWD, pathname: name, flags, mode: 0 };
      const fd = this.#own(host.call(openat, at));
      if (pos !== 0n && (flags & O_PATH) === 0) {
        host.call(lseek, { fd, offset: pos, whence: SEEK_SET });
      }
      return fd;
    });
  }

  #own(fd: number): number {
    this.#fds.push(fd);
    return fd;
  }

  #while<T>({ tid }: { tid?: number }, use: (pid: number) => T): T {
    const { host, stubs, interrupts } = this.#session;
    const kind = { sibling: false, suspendSeccomp: false, ...(tid === undefined ? {} : { tid }) };
    let puppet: ReturnType<typeof startPuppet>;
    try {
      puppet = startPuppet(host, { stubs, interrupts, ...kind });
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.errno !== 'EEXIST') throw error;
      throw refused(`files of process ${tid}, which is gone, are open, and its pid is taken`, {
        ...{ errno: 'EEXIST', remedy: 'restore when that process has ended' },
      });
    }
    try {
      return use(puppet.pid);
    } finally {
      endPuppet(host, { puppet, interrupts });
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) this.#session.host.attempt(close, { fd });
  }
}
