/**
 * /proc/PID/stat and /proc/PID/task/TID/stat: the one line with the process's identity and the edges of its memory.
 * proc_pid_stat(5); Linux fs/proc/array.c, do_task_stat. All 52 fields are there since Linux 3.5.
 */
import { Cursor, unreadable } from './text.js';

const FILE = '/proc/PID/stat';
const SPACE = 32;

export interface Stat {
  pid: number;
  /** As the task set it: any characters, spaces, parentheses and newlines among them. Not escaped. */
  comm: string;
  /** One letter: R S D T t Z X I P. */
  state: string;
  ppid: number;
  pgrp: number;
  session: number;
  /** The controlling terminal, as `decodeTtyNr` takes it apart; 0: none. */
  tty_nr: number;
  /** Foreground process group of the terminal; -1: no terminal. */
  tpgid: number;
  /** PF_* of Linux include/linux/sched.h. */
  flags: number;
  priority: number;
  nice: number;
  num_threads: number;
  /** Clock ticks (1/100 s) after boot, by the boottime clock of the reader's time namespace. */
  starttime: number;
  // Addresses: 0 for a zombie or kernel thread; without ptrace access start_code and end_code are 1, the others 0.
  start_code: number;
  end_code: number;
  start_stack: number;
  start_data: number;
  end_data: number;
  start_brk: number;
  arg_start: number;
  arg_end: number;
  env_start: number;
  env_end: number;
  /** Signal to the parent at the end; -1 for a thread that is not the leader. */
  exit_signal: number;
  rt_priority: number;
  /** SCHED_*. */
  policy: number;
  /** As wait(2) gives it; shown only with ptrace access, else 0. */
  exit_code: number;
}

/** The task's line as a value. Its resource counters are left out. */
export function parseStat(text: string): Stat {
  const cursor = new Cursor(FILE, text);
  const pid = cursor.decimal();
  const open = cursor.at + 1;
  // comm may hold ") ", but no field behind it can: the last parenthesis ends it.
  const close = text.lastIndexOf(') ');
  if (!text.startsWith(' (', cursor.at) || close <= open) throw unreadable(FILE, text);
  cursor.at = close + 2;
  const comm = text.slice(open + 1, close);
  const state = cursor.word();
  cursor.expect(SPACE);
  return { pid, comm, state, ...identity(cursor), ...memory(cursor), ...ending(cursor) };
}

/** Fields 4 to 22. */
function identity(cursor: Cursor) {
  const ppid = field(cursor);
  const pgrp = field(cursor);
  const session = field(cursor);
  const tty_nr = field(cursor);
  const tpgid = field(cursor);
  const flags = field(cursor);
  cursor.skipFields(8);
  const priority = field(cursor);
  const nice = field(cursor);
  const num_threads = field(cursor);
  cursor.skipFields(1);
  const starttime = field(cursor);
  return {
    ...{ ppid, pgrp, session, tty_nr, tpgid, flags },
    ...{ priority, nice, num_threads, starttime },
  };
}

/** Fields 23 to 41. */
function memory(cursor: Cursor) {
  cursor.skipFields(3);
  const start_code = field(cursor);
  const end_code = field(cursor);
  const start_stack = field(cursor);
  cursor.skipFields(9);
  const exit_signal = field(cursor);
  cursor.skipFields(1);
  const rt_priority = field(cursor);
  const policy = field(cursor);
  return { start_code, end_code, start_stack, exit_signal, rt_priority, policy };
}

/** Fields 42 to 52. */
function ending(cursor: Cursor) {
  cursor.skipFields(3);
  const start_data = field(cursor);
  const end_data = field(cursor);
  const start_brk = field(cursor);
  const arg_start = field(cursor);
  const arg_end = field(cursor);
  const env_start = field(cursor);
  const env_end = field(cursor);
  const exit_code = cursor.signed();
  return {
    ...{ start_data, end_data, start_brk },
    ...{ arg_start, arg_end, env_start, env_end, exit_code },
  };
}

function field(cursor: Cursor): number {
  const value = cursor.signed();
  cursor.expect(SPACE);
  return value;
}
