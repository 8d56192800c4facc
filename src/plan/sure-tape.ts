/** Calls of a dump that belong together, as objects add them: what is taken out is put back. */
import type { Arguments, Params, Place, Syscall } from '../linux/syscall.js';
import type { Value } from './track.js';

/** Calls that run one after another, whatever becomes of each. */
export interface SureTape {
  /** The value stands for its result, in later calls. */
  call<P extends Params>(call: Syscall<P>, args: Arguments<P, Value>): Value;
  /** Zeroed memory for a call to fill; `read()` once the tape has run. */
  reserve(length: number): Place & { read(): Uint8Array };
  /** Once the tape has run; -errno for a failure. */
  resultOf(value: Value): number;
}
