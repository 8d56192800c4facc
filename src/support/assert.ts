import { CheckpointError } from './errors.js';

/** What is said; made only when it is, where it takes some doing. */
type Message = string | (() => string);

/** Holds a truth that only a bug of ours can break; stays on in production. */
export function assert(condition: unknown, message: Message): asserts condition {
  if (condition) return;
  const what = typeof message === 'string' ? message : message();
  throw new CheckpointError({ code: 'bug', what });
}

/** For a value that must be there. */
export function defined<T>(value: T | undefined | null, message: Message): T {
  assert(value !== undefined && value !== null, message);
  return value;
}

/** For the branch of a switch over a closed set that must not be reached. */
export function unreachable(value: never): never {
  throw new CheckpointError({ code: 'bug', what: `Unexpected value ${String(value)}` });
}
