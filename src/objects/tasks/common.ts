/** What the task states share: reading answers of probes, prctl as probe and as step. */
import { errnoName } from '../../linux/errno.js';
import type { PointerInput } from '../../linux/syscall.js';
import { processVmReadv } from '../../linux/syscalls/memory.js';
import { prctl } from '../../linux/syscalls/tasks.js';
import { iovec } from '../../linux/uapi/mman.js';
import type { Stage } from '../../plan/stages.js';
import type { StepOptions, Track } from '../../plan/track.js';
import { refused } from '../../support/errors.js';
import type { ProbeTape } from '../kinds.js';
import type { DumpPort } from '../ports.js';

/** The result of a probe that the task's own doing cannot make fail. */
export function answer(result: number, call: string): number {
  if (result >= 0) return result;
  const errno = errnoName(-result);
  throw refused(`${call}: ${errno}`, { syscall: call, errno });
}

/** Asks with prctl(2): the function gives its result, negative ones are -errno. */
export function askPrctl(tape: ProbeTape, option: number, arg2: PointerInput = 0): () => number {
  const asked = tape.call(prctl, { option, arg2, arg3: 0, arg4: 0, arg5: 0 });
  return () => asked.result();
}

export interface PrctlStep {
  option: number;
  arg2: PointerInput;
  arg3?: number;
}

export const setPrctl = (
  track: Track,
  stage: Stage,
  { option, arg2, arg3 = 0 }: PrctlStep,
  options: StepOptions = {},
): void => {
  track.at(stage).call(prctl, { option, arg2, arg3, arg4: 0, arg5: 0 }, options);
};

/** Memory of a task; undefined when not all of it can be read. */
export function readTask(
  port: DumpPort,
  pid: number,
  { address, length }: { address: number; length: number },
): Uint8Array | undefined {
  using scope = port.scope();
  const buffer = scope.alloc(length);
  const read = port.attempt(processVmReadv, {
    pid,
    local_iov: iovec.encode({ iov_base: buffer.address, iov_len: length }),
    liovcnt: 1,
    remote_iov: iovec.encode({ iov_base: address, iov_len: length }),
    riovcnt: 1,
    flags: 0,
  });
  return read === length ? buffer.bytes.slice() : undefined;
}
