/**
 * A deputy: a child that shares our memory and runs one tape, to kill a tree of processes as a whole. One by one they are
 * killed, or let go, by a loop; a tracer that dies in the middle of such a loop would leave half a tree. The deputy
 * lives on then. `told`: it makes its calls when told to, and none when we die first. `alone`: it makes them when we die,
 * and none once it is dismissed.
 */
import {
  encodeTape,
  RECORD_SIZE,
  TAPE_MUST_EQUAL,
  TAPE_ON_ERROR,
  type TapeRecord,
} from '../arch/arch.js';
import { type Host, retryInterrupted, syscallError } from '../host/host.js';
import { Lifeline } from '../host/lifeline.js';
import type { Stubs } from '../host/stubs.js';
import { waitEnd } from '../host/wait.js';
import { SIGKILL } from '../linux/signal.js';
import { close, read, write } from '../linux/syscalls/files.js';
import { mmap, munmap } from '../linux/syscalls/memory.js';
import { exitGroup, kill } from '../linux/syscalls/tasks.js';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../linux/uapi/mman.js';
import { CLONE_VM, clone_args } from '../linux/uapi/sched.js';
import { PAGE_SIZE, type Pid, pid } from '../support/brand.js';
import { alignUp } from '../support/bytes.js';
import { CheckpointError } from '../support/errors.js';
import { killSurely } from './kill.js';

export interface DeputyOptions {
  stubs: Stubs;
  when: 'told' | 'alone';
  /** Whatever they answer. What they point to must stay where it is. */
  calls: readonly TapeRecord[];
}

/** ESRCH: it has died already. */
export const killCalls = (victims: readonly Pid[]): TapeRecord[] =>
  victims.map((victim) => ({ nr: kill.nr, args: [victim, SIGKILL] }));

export class Deputy implements Disposable {
  readonly #host: Host;
  readonly #lifeline: Lifeline;
  readonly #memory: { address: number; length: number };
  readonly #pid: Pid;
  #isAlive = true;

  constructor(host: Host, { stubs, when, calls }: DeputyOptions) {
    this.#host = host;
    this.#lifeline = new Lifeline(host);
    const length = alignUp((calls.length + FIXED_RECORDS + 1) * RECORD_SIZE, PAGE_SIZE);
    this.#memory = { address: 0, length };
    try {
      this.#memory = { address: mapMemory(host, length), length };
      this.#pid = this.#start(stubs, { when, calls });
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  #start(stubs: Stubs, { when, calls }: Pick<DeputyOptions, 'when' | 'calls'>): Pid {
    const { address, length } = this.#memory;
    const { readingEnd, writingEnd } = this.#lifeline;
    const word = address + length - RECORD_SIZE;
    const tape = encodeTape([
      // Its own copy: the pipe must end when we do.
      { nr: close.nr, flags: TAPE_ON_ERROR, args: [writingEnd] },
      // At the end of the pipe nothing is read.
      {
        nr: read.nr,
        flags: TAPE_MUST_EQUAL,
        args: [readingEnd, word, 1],
        result: when === 'told' ? 1 : 0,
      },
      ...calls,
      { nr: exitGroup.nr, args: [0] },
      // The epilogue.
      { nr: exitGroup.nr, args: [1] },
    ]);
    this.#host.ffi.view(address, length).set(tape);
    using scope = this.#host.scope();
    // No exit signal: nobody but us is told of its end.
    const args = clone_args.encode({
      flags: BigInt(CLONE_VM),
      // It begins at the end of what is called the stack: at the first record.
      stack: address - RECORD_SIZE,
      stack_size: RECORD_SIZE,
    });
    const epilogue = address + tape.length - RECORD_SIZE;
    const result = stubs.cloneTape([scope.store(args), args.length, epilogue]);
    if (result < 0) throw syscallError('clone3', -result, 'clone3 of a deputy');
    return pid(result);
  }

  /** `told`: the one moment from which all is done. Throws when it has not come; returns when its calls are made. */
  tell(): void {
    const host = this.#host;
    const told = retryInterrupted(() =>
      host.attempt(write, { fd: this.#lifeline.writingEnd, buf: new Uint8Array(1), count: 1 }),
    );
    if (told !== 1) throw syscallError('write', -told, 'telling the deputy');
    this.#collect();
  }

  /** It does nothing any more. */
  [Symbol.dispose](): void {
    if (this.#isAlive) killSurely(this.#host, this.#pid);
    this.#collect();
  }

  /** It ends soon: it was killed, or its tape has no other call that waits. */
  #collect(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    try {
      waitEnd(this.#host, this.#pid, () => {});
      this.#release();
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      // Its memory stays: it may still be running in it.
      this.#lifeline.cut();
    }
  }

  #release(): void {
    const { address, length } = this.#memory;
    this.#lifeline.cut();
    if (address !== 0) this.#host.attempt(munmap, { addr: address, length });
  }
}

/** Beside its own calls: close, read, exit_group twice. */
const FIXED_RECORDS = 4;

const mapMemory = (host: Host, length: number): number =>
  host.call(mmap, {
    addr: 0,
    length,
    prot: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    fd: -1,
    offset: 0,
  });
