/**
 * /proc/PID/stat and /proc/PID/task/TID/stat: the one line with the process's identity and the
 * edges of its memory. proc_pid_stat(5); Linux fs/proc/array.c, do_task_stat. All 52 fields are
 * there since Linux 3.5.
 */
import { unreadable } from './text.js';

const FILE = '/proc/PID/stat';
const FIELD_COUNT = 52;

export interface Stat {
  pid: number;
  /**
   * As the task set it: any characters, spaces, parentheses and newlines among them. Not escaped.
   */
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
  // Addresses: 0 for a zombie or kernel thread; without ptrace access start_code and end_code are
  // 1, the others 0.
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
  const open = text.indexOf(' (');
  // comm may hold ") ", but no field behind it can: the last parenthesis ends it.
  const close = text.lastIndexOf(') ');
  if (open < 0 || close <= open + 1) throw unreadable(FILE, text);
  // Numbered as in the manual page: the state is field 3.
  const fields = text.slice(close + 2, text.endsWith('\n') ? -1 : text.length).split(' ');
  const field = (number: number): number => whole(fields[number - 3], text);
  const state = fields[0] ?? '';
  if (fields.length < FIELD_COUNT - 2 || state.length !== 1) throw unreadable(FILE, text);
  return {
    pid: whole(text.slice(0, open), text),
    comm: text.slice(open + 2, close),
    state,
    ppid: field(4),
    pgrp: field(5),
    session: field(6),
    tty_nr: field(7),
    tpgid: field(8),
    flags: field(9),
    priority: field(18),
    nice: field(19),
    num_threads: field(20),
    starttime: field(22),
    start_code: field(26),
    end_code: field(27),
    start_stack: field(28),
    start_data: field(45),
    end_data: field(46),
    start_brk: field(47),
    arg_start: field(48),
    arg_end: field(49),
    env_start: field(50),
    env_end: field(51),
    exit_signal: field(38),
    rt_priority: field(40),
    policy: field(41),
    exit_code: field(52),
  };
}

function whole(word: string | undefined, text: string): number {
  const value = word ? Number(word) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw unreadable(FILE, text);
  return value;
}
