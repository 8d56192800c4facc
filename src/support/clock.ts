/** A clock for intervals and deadlines. `performance` would do, but its first use loads 2-5 ms of Node's modules. */

/** Milliseconds by CLOCK_MONOTONIC. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
