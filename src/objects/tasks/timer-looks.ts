/** Calls on the tape of a probe that look at POSIX timers and CPU clocks, arm timers for no time, and take time. */
import {
  clockGettime,
  getpid,
  getrandom,
  timerGettime,
  timerSettime,
} from '../../linux/syscalls/tasks.js';
import { CLOCK_REALTIME, itimerspec, TIMER_ABSTIME, timespec } from '../../linux/uapi/sched.js';
import { assert } from '../../support/assert.js';
import type { ProbeTape } from '../kinds.js';
import { nanoseconds } from './posix-timers.js';

/** In nanoseconds. */
export interface Look {
  /** 0: not armed. 1: due, and the kernel has not seen it yet. */
  left: bigint;
  interval: bigint;
}

export function lookAtTimer(tape: ProbeTape, timerid: number): () => Look {
  const curr_value = tape.reserve(itimerspec.size);
  tape.call(timerGettime, { timerid, curr_value });
  return () => {
    const { it_value, it_interval } = itimerspec.decode(curr_value.read());
    return { left: nanoseconds(it_value), interval: nanoseconds(it_interval) };
  };
}

/** What a clock shows, of the day or of the CPU time of a thread of the process. */
export function lookAtClock(tape: ProbeTape, clockid: number): () => bigint {
  const tp = tape.reserve(timespec.size);
  const asked = tape.call(clockGettime, { clockid, tp });
  return () => {
    assert(asked.result() === 0, 'the clock is there');
    return nanoseconds(timespec.decode(tp.read()));
  };
}

/** When a timer of CLOCK_REALTIME runs off by that clock, in nanoseconds: between these two. */
export function lookAtExpiry(
  tape: ProbeTape,
  timerid: number,
  lookCount: number,
): () => [from: bigint, to: bigint] {
  // We may have had to wait for a processor in between: the closest look is the best.
  const looks = Array.from({ length: lookCount }, () => ({
    before: lookAtClock(tape, CLOCK_REALTIME),
    timer: lookAtTimer(tape, timerid),
    after: lookAtClock(tape, CLOCK_REALTIME),
  }));
  return () =>
    looks
      .map(({ before, timer, after }): [bigint, bigint] => {
        const { left } = timer();
        return [before() + left, after() + left];
      })
      .reduce((best, look) => (look[1] - look[0] < best[1] - best[0] ? look : best));
}

/** 136 years of CPU time. */
const NEVER = { tv_sec: 2 ** 32, tv_nsec: 0 };
export const NEVER_NS = nanoseconds(NEVER);
const AT_REST = { tv_sec: 0, tv_nsec: 0 };

/** Its time is NEVER_NS of its thread's clock. Gives the result of the call: ESRCH if that thread has ended. */
export function armForNever(tape: ProbeTape, timerid: number): () => number {
  const new_value = itimerspec.encode({ it_interval: AT_REST, it_value: NEVER });
  const done = tape.call(timerSettime, {
    ...{ timerid, flags: TIMER_ABSTIME, new_value, old_value: 0 },
  });
  return () => done.result();
}

export function disarm(tape: ProbeTape, timerid: number): void {
  const new_value = itimerspec.encode({ it_interval: AT_REST, it_value: AT_REST });
  tape.call(timerSettime, { timerid, flags: 0, new_value, old_value: 0 });
}

const CHUNK = 2 ** 16;

/** So many bytes of random numbers; with 0, a call or two. */
export function work(tape: ProbeTape, bytes: number): void {
  for (let calls = 0; calls < 2; calls++) tape.call(getpid, {});
  if (bytes === 0) return;
  const buf = tape.reserve(CHUNK);
  for (let done = 0; done < bytes; done += CHUNK) {
    tape.call(getrandom, { buf, count: CHUNK, flags: 0 });
  }
}
