/** Errors on their way from the Worker to the caller: as plain data, with nothing lost that a program can look at. */
import {
  asCheckpointError,
  CheckpointError,
  type ErrorCode,
  type ErrorContext,
} from '../support/errors.js';

export interface ErrorData {
  readonly code: ErrorCode;
  readonly what: string;
  readonly syscall: string | undefined;
  readonly errno: string | undefined;
  readonly remedy: string | undefined;
  readonly context: ErrorContext;
  /** Where a mistake of ours happened. */
  readonly stack: string | undefined;
}

export function encodeError(thrown: unknown): ErrorData {
  const error = asCheckpointError(thrown);
  const { code, what, syscall, errno, remedy, context, cause } = error;
  const origin = cause instanceof Error ? cause : error;
  const stack = code === 'bug' ? origin.stack : undefined;
  return { code, what, syscall, errno, remedy, context: { ...context }, stack };
}

/** The error as it was thrown; a bug's `cause` has the stack that it had in the Worker. */
export function decodeError(data: ErrorData, reason?: unknown): CheckpointError {
  const { code, what, syscall, errno, remedy, context, stack } = data;
  const cause = reason ?? (stack === undefined ? undefined : errorWithStack(what, stack));
  return new CheckpointError({
    ...context,
    code,
    what,
    ...(syscall !== undefined && { syscall }),
    ...(errno !== undefined && { errno }),
    ...(remedy !== undefined && { remedy }),
    ...(cause !== undefined && { cause }),
  });
}

function errorWithStack(message: string, stack: string): Error {
  const error = new Error(message);
  error.stack = stack;
  return error;
}
