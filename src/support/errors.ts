/**
 * The one error class, and how it reads. Inner code says what failed (`unsupported(...)`); outer code says where, once,
 * by `within({ doing, object, pid, comm, fd }, fn)`. The text is put together here and nowhere else:
 *   Cannot dump eventfd 7 of pid 412 (nginx): write: EIO
 *   Remedy: ...
 */

/**
 * unsupported: state we cannot save or restore. external: belongs to something outside the tree. refused: the
 * kernel, a limit or an option said no. gone: the target died (ESRCH). image: broken image. usage: wrong call. bug: ours.
 */
export type ErrorCode = 'unsupported' | 'external' | 'refused' | 'gone' | 'image' | 'usage' | 'bug';

/** Where something failed; filled in on the way up, inner values win. */
export interface ErrorContext {
  /** The operation, as the user knows it: 'dump', 'restore', 'check'. */
  doing?: string;
  /** The object concerned: 'pipe', 'mapping 0x7f00-0x7f10', 'core-12.img'. */
  object?: string;
  pid?: number;
  /** The name (comm) of the task `pid`. */
  comm?: string;
  /** A descriptor number in the task's table. */
  fd?: number;
}

export interface ErrorFields extends ErrorContext {
  code: ErrorCode;
  /** What failed, active voice, no final period: 'flag PIDFD_THREAD is not supported'. */
  what: string;
  /** The system call, when one failed: 'pidfd_open'. */
  syscall?: string;
  /** errno by name: 'ESRCH'. */
  errno?: string;
  /** What the user can do about it. */
  remedy?: string;
  cause?: unknown;
}

export class CheckpointError extends Error {
  readonly code: ErrorCode;
  readonly what: string;
  readonly syscall: string | undefined;
  readonly errno: string | undefined;
  remedy: string | undefined;
  context: ErrorContext;

  constructor(fields: ErrorFields) {
    super(fields.what, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'CheckpointError';
    this.code = fields.code;
    this.what = fields.what;
    this.syscall = fields.syscall;
    this.errno = fields.errno;
    this.remedy = fields.remedy;
    this.context = {};
    this.addContext(fields);
  }

  /** Adds what is not yet known; inner context wins. */
  addContext(context: ErrorContext): void {
    const known = this.context;
    const sameTask = known.pid === undefined || known.pid === context.pid;
    if (known.doing === undefined && context.doing !== undefined) known.doing = context.doing;
    if (known.object === undefined && context.object !== undefined) known.object = context.object;
    if (known.fd === undefined && context.fd !== undefined && sameTask) known.fd = context.fd;
    if (known.comm === undefined && context.comm !== undefined && sameTask)
      known.comm = context.comm;
    if (known.pid === undefined && context.pid !== undefined) known.pid = context.pid;
    this.message = sentence(this.what, this.context);
  }

  /** The message and, on a line of its own, the remedy. */
  override toString(): string {
    return this.remedy ? `${this.message}\nRemedy: ${this.remedy}` : this.message;
  }

  /** The same facts for programs. */
  toJSON(): Record<string, unknown> {
    const { code, message, what, syscall, errno, remedy, context } = this;
    return { code, message, what, syscall, errno, remedy, ...context };
  }
}

function sentence(what: string, context: ErrorContext): string {
  const { doing } = context;
  const place = placeText(context);
  if (doing === undefined && place === '') return what;
  return `Cannot ${[doing ?? 'handle', place].filter(Boolean).join(' ')}: ${what}`;
}

/** 'pipe 4 of pid 412 (nginx)'; empty when nothing is known. */
function placeText({ object, pid, comm, fd }: ErrorContext): string {
  const place = [
    object !== undefined && fd !== undefined ? `${object} ${fd}` : object,
    object === undefined && fd !== undefined ? `descriptor ${fd}` : undefined,
    pid !== undefined ? `pid ${pid}${comm === undefined ? '' : ` (${comm})`}` : undefined,
  ];
  return place.filter((part) => part !== undefined).join(' of ');
}

type Extra = Omit<ErrorFields, 'code' | 'what'>;
const maker =
  (code: ErrorCode) =>
  (what: string, extra: Extra = {}): CheckpointError =>
    new CheckpointError({ ...extra, code, what });

export const unsupported = maker('unsupported');
export const external = maker('external');
export const refused = maker('refused');
export const gone = maker('gone');
export const imageError = maker('image');
export const usage = maker('usage');
export const bug = maker('bug');

/**
 * Runs `fn`; a CheckpointError that leaves it learns where it happened. Other errors are bugs of ours. A context that
 * takes some doing may be a function: mostly nobody asks.
 */
export function within<T>(context: ErrorContext | (() => ErrorContext), fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof CheckpointError) {
      error.addContext(typeof context === 'function' ? context() : context);
      throw error;
    }
    throw error;
  }
}

/** Runs all; what is unsupported is thrown at the end: one error as it is, several as one that lists them. */
export function withAllUnsupported(object: string, runs: Iterable<() => void>): void {
  const found: CheckpointError[] = [];
  for (const run of runs) {
    try {
      run();
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code !== 'unsupported') throw error;
      found.push(error);
    }
  }
  const [first] = found;
  if (first === undefined) return;
  if (found.length === 1) throw first;
  const lines = found.map(({ what, context }) => `\n  ${placeText(context)}: ${what}`);
  throw unsupported(`${found.length} things:${lines.join('')}`, { object });
}

/** Any thrown thing as a CheckpointError: what is not one already is a bug of ours, with its stack kept as cause. */
export function asCheckpointError(error: unknown): CheckpointError {
  if (error instanceof CheckpointError) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new CheckpointError({ code: 'bug', what: `Internal error: ${what}`, cause: error });
}

/** The exit status of a command that failed this way: 2 for a wrong call, 1 for all else. */
export const exitStatus = (error: CheckpointError): number => (error.code === 'usage' ? 2 : 1);
