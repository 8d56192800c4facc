/** Processes that are gone, for programs that have pidfds of them: puppets that end as soon as they are there. */
import { close } from '../linux/syscalls/files.js';
import { pidfdOpen } from '../linux/syscalls/tasks.js';
import { endPuppet, startPuppet } from '../tracer/puppet.js';
import type { Session } from './session.js';

export class EndedPidfds implements Disposable {
  readonly #session: Session;
  readonly #fds: number[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  /** So many pidfds, each opened anew, of one process that has ended and has been reaped. */
  make(count: number): number[] {
    const { host, stubs, interrupts } = this.#session;
    const puppet = startPuppet(host, { stubs, interrupts, sibling: false, suspendSeccomp: false });
    try {
      return Array.from({ length: count }, () => {
        const fd = host.call(pidfdOpen, { pid: puppet.pid, flags: 0 });
        this.#fds.push(fd);
        return fd;
      });
    } finally {
      endPuppet(host, { puppet, interrupts });
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) this.#session.host.attempt(close, { fd });
  }
}
