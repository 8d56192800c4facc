/**
 * The kernel, as this process reaches it. `call` throws, `attempt` returns -errno. Every call is an effect: counted,
 * traced on demand, and made to fail (or to kill us) by the fault injector of the tests.
 */
import { EINTR, errnoName } from '../linux/errno.js';
import type { Arguments, Param, Params, Syscall, Word } from '../linux/syscall.js';
import { printCall } from '../linux/syscall.js';
import { CheckpointError } from '../support/errors.js';
import { Arena, type Buffer, type Scope } from './arena.js';
import { type Faults, noFaults } from './faults.js';
import { type Ffi, loadFfi } from './ffi.js';

export type Trace = (line: string) => void;

export class Host implements Disposable {
  readonly ffi: Ffi;
  readonly arena: Arena;
  readonly faults: Faults;
  /** Set to see every call as it is made. */
  trace: Trace | undefined;

  constructor(faults: Faults = noFaults) {
    this.ffi = loadFfi();
    this.arena = new Arena(this.ffi);
    this.faults = faults;
  }

  /** The result, or -errno. Pointer arguments live in the arena for the duration of the call. */
  attempt<P extends Params>(call: Syscall<P>, args: Arguments<P>): number {
    const { arena } = this;
    const { params } = call;
    const mark = arena.mark;
    const words: Word[] = [];
    for (const name in params) words.push((params[name] as Param<unknown>).pass(args[name], arena));
    const result = this.#invoke(call, words);
    arena.release(mark);
    if (this.trace) this.trace(`${printCall(call, args)} = ${showResult(result)}`);
    return result;
  }

  /** As `attempt`, of arguments that are words already, in their order: for what is called by the thousand. */
  attemptWords(call: Syscall, words: readonly Word[]): number {
    const result = this.#invoke(call, words);
    if (this.trace) this.trace(`${printCall(call, named(call, words))} = ${showResult(result)}`);
    return result;
  }

  /** The result; throws CheckpointError (refused, or gone for ESRCH) with the call and errno by name. */
  call<P extends Params>(call: Syscall<P>, args: Arguments<P>): number {
    const result = this.attempt(call, args);
    if (result < 0) throw syscallError(call.name, -result, printCall(call, args));
    return result;
  }

  /** As `call`, of words. */
  callWords(call: Syscall, words: readonly Word[]): number {
    const result = this.attemptWords(call, words);
    if (result < 0) {
      throw syscallError(call.name, -result, printCall(call, named(call, words)));
    }
    return result;
  }

  #invoke({ name, nr }: Syscall, words: readonly Word[]): number {
    const injected = this.faults.before(name);
    if (injected !== 0) return -injected;
    // By index: taking an array apart goes through its iterator, and this runs some ten thousand times.
    const result = this.ffi.syscall(
      nr,
      words[0] ?? 0,
      words[1] ?? 0,
      words[2] ?? 0,
      words[3] ?? 0,
      words[4] ?? 0,
      words[5] ?? 0,
    );
    if (result !== -1) return Number(result);
    return -this.ffi.errno();
  }

  scope(): Scope {
    return this.arena.scope();
  }

  alloc(length: number, align?: number): Buffer {
    return this.arena.alloc(length, align);
  }

  /** For a process that outlives the operation. No call and no buffer of this host may be used afterwards. */
  [Symbol.dispose](): void {
    this.arena[Symbol.dispose]();
  }
}

const ESRCH = 3;

/** A failed call as a typed error: ESRCH is always `gone`. */
export function syscallError(name: string, errno: number, shown = name): CheckpointError {
  const known = errnoName(errno);
  return new CheckpointError({
    code: errno === ESRCH ? 'gone' : 'refused',
    what: `${shown}: ${known}`,
    syscall: name,
    errno: known,
  });
}

/** Words by the names of their arguments, to be shown. */
const named = ({ params }: Syscall, words: readonly Word[]): Record<string, Word> =>
  Object.fromEntries(Object.keys(params).map((name, i) => [name, words[i] ?? 0]));

const showResult = (result: number): string =>
  result < 0 && result > -4096
    ? `-1 ${errnoName(-result)}`
    : result > 0xffff
      ? `0x${result.toString(16)}`
      : String(result);

/** Repeats a call that a signal interrupted, up to a bound: our own signals set a flag and are looked at elsewhere. */
export function retryInterrupted(attempt: () => number): number {
  for (;;) {
    const result = attempt();
    if (result !== -EINTR) return result;
  }
}
