/**
 * /proc/timer_list, for root alone: every timer that runs on this host, by processor and clock. kernel/time/timer_list.c.
 * Of POSIX timers those of CLOCK_REALTIME are among the ones of that clock if they were set to an absolute time, and
 * among those of CLOCK_MONOTONIC if not.
 */

/** When POSIX timers run off, in nanoseconds, ascending. */
export interface PosixExpiries {
  monotonic: bigint[];
  realtime: bigint[];
  /** By how much CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. */
  offset: bigint;
}

const CLOCKS = 4;

/** undefined where the text does not say how far the clocks are apart: it is another kernel's. */
export function parseTimerList(text: string): PosixExpiries | undefined {
  const found: Pick<PosixExpiries, 'monotonic' | 'realtime'> = { monotonic: [], realtime: [] };
  let offset: bigint | undefined;
  let clock = -1;
  let isPosix = false;
  for (const line of text.split('\n')) {
    const [, index] = /^ *\.index: +(\d+)$/.exec(line) ?? [];
    // Each clock has two bases: one runs off in interrupts, the other later.
    if (index !== undefined) clock = Number(index) % CLOCKS;
    const [, ahead] = /^ *\.offset: +(\d+) nsecs$/.exec(line) ?? [];
    if (clock === 1 && ahead !== undefined) offset = BigInt(ahead);
    const [, expires] = /^ # expires at \d+-(\d+) nsecs/.exec(line) ?? [];
    if (isPosix && expires !== undefined) {
      if (clock === 0) found.monotonic.push(BigInt(expires));
      if (clock === 1) found.realtime.push(BigInt(expires));
    }
    isPosix = /^ #\d+: .*, posix_timer_fn, /.test(line);
  }
  if (offset === undefined) return undefined;
  return { monotonic: ascending(found.monotonic), realtime: ascending(found.realtime), offset };
}

const ascending = (values: readonly bigint[]): bigint[] =>
  [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** The first of ascending values that is not below `from`, if it is not above `to`. */
export function firstBetween(
  values: readonly bigint[],
  from: bigint,
  to: bigint,
): bigint | undefined {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0n) < from) low = middle + 1;
    else high = middle;
  }
  const first = values[low];
  return first !== undefined && first <= to ? first : undefined;
}
