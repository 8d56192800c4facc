/**
 * The log: lines `(00.001234) [pid:] Error (woodfrog/dump): text`, which callers of CRIU parse (they search for `Error`).
 * An object that is passed around. It remembers lines until it is opened, then writes each one synchronously, so that a
 * killed process has lost none. Trouble with the log never disturbs the operation: see `failure`.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { monotonicMs } from './clock.js';
import { refused } from './errors.js';

export const LOG_NOTHING = 0;
export const LOG_ERROR = 1;
export const LOG_WARN = 2;
export const LOG_INFO = 3;
export const LOG_DEBUG = 4;

export interface LogTarget {
  /** The most talkative level that is written: LOG_NOTHING to LOG_DEBUG. */
  readonly level: number;
  /** A file to create, '-' for standard output; without it, standard error. */
  readonly file?: string;
  /** What concerns one task goes to `<file>.<pid>`. */
  readonly perTask?: boolean;
}

interface Line {
  readonly level: number;
  readonly text: string;
  readonly pid: number | undefined;
  readonly ms: number;
}

/** What the views of one log share. */
class LogState {
  readonly startMs = monotonicMs();
  target: LogTarget | undefined;
  early: Line[] = [];
  fd = 2;
  readonly taskFds = new Map<number, number>();
  failure: string | undefined;
}

/** Lines that are kept for a log that is never opened: enough for any start-up, bounded for a library's host. */
const EARLY_LINES_MAX = 1000;

export class Log {
  readonly #state: LogState;
  readonly #pid: number | undefined;

  /** A log that keeps its lines until `open`. */
  constructor(state = new LogState(), pid?: number) {
    this.#state = state;
    this.#pid = pid;
  }

  /** The same log for what concerns the task `pid`. */
  task(pid: number): Log {
    return new Log(this.#state, pid);
  }

  /** Creates the file and writes what was kept. Throws `refused` if the file cannot be created. */
  open(target: LogTarget): void {
    const state = this.#state;
    if (target.file === '-') state.fd = 1;
    else if (target.file !== undefined) state.fd = createLogFile(target.file);
    state.target = target;
    const early = state.early;
    state.early = [];
    for (const line of early) this.#emit(line);
  }

  /** Whether lines of `level` are written: for text that is costly to make. */
  enabled(level: number): boolean {
    return this.#state.target === undefined || level <= this.#state.target.level;
  }

  /** `source` is the part that speaks, 'dump' or 'files/pipe'. */
  error(source: string, text: string): void {
    this.#add(LOG_ERROR, `Error (woodfrog/${source}): ${text}`);
  }

  warn(source: string, text: string): void {
    this.#add(LOG_WARN, `Warn  (woodfrog/${source}): ${text}`);
  }

  info(source: string, text: string): void {
    this.#add(LOG_INFO, `${source}: ${text}`);
  }

  debug(source: string, text: string): void {
    this.#add(LOG_DEBUG, `${source}: ${text}`);
  }

  /** Why lines are missing from the log, if a write failed: 'ENOSPC'. */
  get failure(): string | undefined {
    return this.#state.failure;
  }

  close(): void {
    const state = this.#state;
    for (const fd of state.taskFds.values()) closeSync(fd);
    state.taskFds.clear();
    if (state.fd > 2) closeSync(state.fd);
    state.fd = 2;
  }

  #add(level: number, text: string): void {
    if (!this.enabled(level)) return;
    const line = { level, text, pid: this.#pid, ms: monotonicMs() - this.#state.startMs };
    if (this.#state.target !== undefined) this.#emit(line);
    else if (this.#state.early.length < EARLY_LINES_MAX) this.#state.early.push(line);
  }

  #emit(line: Line): void {
    const target = this.#state.target as LogTarget;
    if (line.level > target.level) return;
    try {
      writeAll(this.#fdFor(line.pid), formatLine(line, target.level));
    } catch (error) {
      this.#state.failure ??= (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  #fdFor(pid: number | undefined): number {
    const { target, taskFds, fd } = this.#state;
    const file = target?.file;
    if (pid === undefined || !target?.perTask || file === undefined || file === '-') return fd;
    const known = taskFds.get(pid);
    if (known !== undefined) return known;
    const opened = createLogFile(`${file}.${pid}`);
    taskFds.set(pid, opened);
    return opened;
  }
}

/** One line of text, or several with the same head; times stand in it from level 3 on, as criu(8) says. */
export function formatLine({ text, pid, ms }: Omit<Line, 'level'>, logLevel: number): string {
  const time = logLevel >= LOG_INFO ? `(${formatTime(ms)}) ` : '';
  const task = pid === undefined ? '' : `${String(pid).padStart(6)}: `;
  return text
    .split('\n')
    .map((line) => `${time}${task}${line}\n`)
    .join('');
}

function formatTime(ms: number): string {
  const micros = Math.max(0, Math.floor(ms * 1000));
  const seconds = Math.floor(micros / 1_000_000);
  return `${String(seconds).padStart(2, '0')}.${String(micros % 1_000_000).padStart(6, '0')}`;
}

/** A fresh file. Mode 600: a log at level 4 tells much about the program. */
function createLogFile(path: string): number {
  const { O_CREAT, O_TRUNC, O_WRONLY, O_APPEND } = constants;
  try {
    return openSync(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0o600);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    throw refused(`Cannot create log file '${path}': ${errno}`, {
      errno,
      syscall: 'open',
      cause,
      remedy: 'name a folder that exists and is writable with -D or -W',
    });
  }
}

/** Writes all of `text`; a descriptor that is full and non-blocking is tried again. */
export function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      // A terminal or pipe that another program made non-blocking: its reader will make room.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
