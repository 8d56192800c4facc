/**
 * /proc/PID/timers: the POSIX timers of a process, four lines each; neither setting nor overrun is
 * shown. proc_pid_timers(5); Linux fs/proc/base.c, show_timer. The file needs
 * CONFIG_CHECKPOINT_RESTORE.
 */
import { SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, SIGEV_THREAD_ID } from '../signal.js';
import { Cursor, splitLines, unreadable } from './text.js';

const FILE = '/proc/PID/timers';
const SLASH = 47;
const LINES = 4;

export interface PosixTimer {
  id: number;
  signo: number;
  /** sigev_value, as the raw word. */
  value: bigint;
  /** SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD or SIGEV_SIGNAL | SIGEV_THREAD_ID. */
  notify: number;
  /**
   * The process, or for SIGEV_THREAD_ID the thread, in the reader's pid namespace; 0: none any
   * more.
   */
  target: number;
  /**
   * CLOCK_*; negative for the CPU clock of a process or thread, and of a clock device
   * (clock_getcpuclockid).
   */
  clockid: number;
}

const NOTIFY = new Map([
  ['signal', SIGEV_SIGNAL],
  ['none', SIGEV_NONE],
  ['thread', SIGEV_THREAD],
]);

/** In the kernel's order: newest first on some versions, by id on others. */
export function parseTimers(text: string): PosixTimer[] {
  const lines = splitLines(text);
  const timers: PosixTimer[] = [];
  for (let at = 0; at < lines.length; at += LINES) timers.push(parseTimer(lines, at));
  return timers;
}

function parseTimer(lines: readonly string[], at: number): PosixTimer {
  const id = cursorAt(lines[at], 'ID: ').decimal();
  const signal = cursorAt(lines[at + 1], 'signal: ');
  const signo = signal.decimal();
  signal.expect(SLASH);
  const value = signal.hex64();
  const clockid = cursorAt(lines[at + 3], 'ClockID: ').signed();
  return { id, signo, value, ...parseNotify(lines[at + 2]), clockid };
}

function cursorAt(line: string | undefined, label: string): Cursor {
  if (!line?.startsWith(label)) throw unreadable(FILE, line ?? `(no ${label.trimEnd()})`);
  return new Cursor(FILE, line, label.length);
}

/** 'notify: signal/pid.412' */
function parseNotify(line: string | undefined): Pick<PosixTimer, 'notify' | 'target'> {
  const label = 'notify: ';
  const cursor = cursorAt(line, label);
  const slash = cursor.text.indexOf('/');
  const notify = NOTIFY.get(cursor.text.slice(label.length, slash));
  const who = cursor.text.slice(slash + 1, slash + 5);
  if (notify === undefined || (who !== 'pid.' && who !== 'tid.')) return cursor.fail();
  cursor.at = slash + 5;
  return { notify: who === 'tid.' ? notify | SIGEV_THREAD_ID : notify, target: cursor.decimal() };
}
