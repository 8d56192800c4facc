/** The kernel as objects see it: this host's calls and small files, and descriptors taken from tasks. */
import { EINVAL, ENOENT, ENOSYS } from '../linux/errno.js';
import type { Arguments, Params, Syscall } from '../linux/syscall.js';
import { close } from '../linux/syscalls/files.js';
import { pidfdGetfd, pidfdOpen } from '../linux/syscalls/tasks.js';
import { PIDFD_THREAD } from '../linux/uapi/fcntl.js';
import { refused } from '../support/errors.js';
import * as files from './files.js';
import { type Host, syscallError } from './host.js';

export class Port implements Disposable {
  readonly #host: Host;
  readonly #pidfds = new Map<number, number>();
  readonly #taken = new Set<number>();

  constructor(host: Host) {
    this.#host = host;
  }

  call<P extends Params>(call: Syscall<P>, args: Arguments<P>): number {
    return this.#host.call(call, args);
  }

  attempt<P extends Params>(call: Syscall<P>, args: Arguments<P>): number {
    return this.#host.attempt(call, args);
  }

  scope() {
    return this.#host.scope();
  }

  attemptReadText(path: string): string | number {
    return files.attemptReadText(this.#host, path);
  }

  attemptReadBytes(path: string): Uint8Array | number {
    return files.attemptReadBytes(this.#host, path);
  }

  attemptReadLink(path: string): string | number {
    return files.attemptReadLink(this.#host, path);
  }

  attemptReadDir(path: string): string[] | number {
    return files.attemptReadDir(this.#host, path);
  }

  attemptStat(path: string, flags?: number): files.Stat | number {
    return files.attemptStat(this.#host, path, flags);
  }

  readText(path: string): string {
    return files.readText(this.#host, path);
  }

  readLink(path: string): string {
    return files.readLink(this.#host, path);
  }

  readDir(path: string): string[] {
    return files.readDir(this.#host, path);
  }

  /** pidfd_getfd(2), Linux 5.6: the task's open file description as a descriptor of ours, until `release`. */
  take(pid: number, fd: number): number {
    const pidfd = this.#pidfdOf(pid);
    const taken = this.#host.attempt(pidfdGetfd, { pidfd, targetfd: fd, flags: 0 });
    if (taken === -ENOSYS) {
      throw refused('this kernel has no pidfd_getfd(2)', {
        remedy: 'Linux 5.6 or newer is needed',
      });
    }
    if (taken < 0) throw syscallError('pidfd_getfd', -taken);
    this.#taken.add(taken);
    return taken;
  }

  /** Takes over a descriptor of ours, to be closed with the others. */
  adopt(fd: number): void {
    this.#taken.add(fd);
  }

  /** Closes one that was taken or adopted. */
  drop(fd: number): void {
    this.#taken.delete(fd);
    this.#host.call(close, { fd });
  }

  #pidfdOf(pid: number): number {
    const known = this.#pidfds.get(pid);
    if (known !== undefined) return known;
    let pidfd = this.#host.attempt(pidfdOpen, { pid, flags: 0 });
    // A thread that is no leader: EINVAL, or ENOENT from Linux 6.16 on.
    if (pidfd === -EINVAL || pidfd === -ENOENT) {
      pidfd = this.#host.attempt(pidfdOpen, { pid, flags: PIDFD_THREAD });
      if (pidfd === -EINVAL) {
        throw refused('its leader has ended, and this kernel has no pidfds of other threads', {
          pid,
          remedy: 'Linux 6.9 or newer is needed',
        });
      }
    }
    if (pidfd < 0) throw syscallError('pidfd_open', -pidfd);
    this.#pidfds.set(pid, pidfd);
    return pidfd;
  }

  [Symbol.dispose](): void {
    for (const fd of [...this.#taken, ...this.#pidfds.values()]) this.#host.attempt(close, { fd });
    this.#taken.clear();
    this.#pidfds.clear();
  }
}
