/**
 * A pipe whose writing end this process alone holds: whoever reads from it learns that we are dead, however we died and
 * whoever is its parent (PR_SET_PDEATHSIG tells of the parent, and not at all if that died just before).
 */

import { i32, struct } from '../linux/struct.js';
import { close, fcntl, pipe2 } from '../linux/syscalls/files.js';
import { F_SETFD, O_CLOEXEC } from '../linux/uapi/fcntl.js';
import { type Host, syscallError } from './host.js';

const pipe_ends = struct('pipe_ends', { reading: i32, writing: i32 }, { size: 8 });

export class Lifeline implements Disposable {
  /** Inherited by children, also through an exec if made so. */
  readonly readingEnd: number;
  /** A child that shares no descriptor table has it, too, until it closes it or runs exec. */
  readonly writingEnd: number;
  readonly #host: Host;
  #isOpen = true;

  constructor(host: Host, { throughExec = false } = {}) {
    this.#host = host;
    using scope = host.scope();
    const pipefd = scope.alloc(pipe_ends.size);
    host.call(pipe2, { pipefd, flags: O_CLOEXEC });
    const { reading, writing } = pipe_ends.decode(pipefd.bytes);
    this.readingEnd = reading;
    this.writingEnd = writing;
    const result = throughExec ? host.attempt(fcntl, { fd: reading, cmd: F_SETFD, arg: 0 }) : 0;
    if (result < 0) {
      this.cut();
      throw syscallError('fcntl', -result);
    }
  }

  /** Whoever reads from it goes on as if we were dead. */
  cut(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const fd of [this.writingEnd, this.readingEnd]) this.#host.attempt(close, { fd });
  }

  [Symbol.dispose](): void {
    this.cut();
  }
}
