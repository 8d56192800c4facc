/**
 * The kernel, as this process reaches it. `call` throws, `attempt` returns -errno. Every call is an effect: counted,
 * traced on demand, and made to fail (or to kill us) by the fault injector of the tests.
 */
import { EINTR, errnoName } from '../linux/errno.js';
import type { Arguments, Params, Syscall, Word } from '../linux/syscall.js';
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
    const mark = arena.mark;
    const words: Word[] = [];
    for (const name in call.params) {
      const param = call.params[name];
      if (param) words.push(param.pass(args[name], arena));
    }
    const injected = this.faults.before(call.name);
    const result = injected === 0 ? this.#invoke(call.nr, words) : -injected;
    arena.release(mark);
    if (this.trace) this.trace(`${printCall(call, args)} = ${showResult(result)}`);
    return result;
  }

  /** The result; throws CheckpointError (refused, or gone for ESRCH) with the call and errno by name. */
  call<P extends Params>(call: Syscall<P>, args: Arguments<P>): number {
    const result = this.attempt(call, args);
    if (result < 0) throw syscallError(call.name, -result, printCall(call, args));
    return result;
  }

  #invoke(nr: number, words: readonly Word[]): number {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = words;
    const result = this.ffi.syscall(nr, a, b, c, d, e, f);
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
