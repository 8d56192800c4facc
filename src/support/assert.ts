import { CheckpointError } from './errors.js';

/** Holds a truth that only a bug of ours can break; stays on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new CheckpointError({ code: 'bug', what: message });
}

/** For a value that must be there. */
export function defined<T>(value: T | undefined | null, message: string): T {
  assert(value !== undefined && value !== null, message);
  return value;
}

/** For the branch of a switch over a closed set that must not be reached. */
export function unreachable(value: never): never {
  throw new CheckpointError({ code: 'bug', what: `Unexpected value ${String(value)}` });
}
