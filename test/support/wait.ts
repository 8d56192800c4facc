/** Bounded waiting: nothing in the tests waits for ever. */
import { AssertionError } from 'node:assert';

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Polls until `probe` gives a value; fails with `what` when it has not by then. */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | null,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
    const value = probe();
    if (value !== undefined && value !== false && value !== null) return value;
    if (performance.now() > deadline) {
      throw new AssertionError({ message: `Waited ${timeoutMs} ms in vain for ${what}` });
    }
    await sleep(pause);
  }
}
