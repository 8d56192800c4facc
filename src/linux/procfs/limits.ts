/**
 * /proc/PID/limits: the resource limits of another process. Linux fs/proc/base.c, proc_pid_limits:
 * fixed columns.
 */
import {
  RLIM_INFINITY,
  RLIM_NLIMITS,
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_CPU,
  RLIMIT_DATA,
  RLIMIT_FSIZE,
  RLIMIT_LOCKS,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RSS,
  RLIMIT_RTPRIO,
  RLIMIT_RTTIME,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
} from '../resource.js';
import { Cursor, splitLines, unreadable } from './text.js';

const FILE = '/proc/PID/limits';
const SOFT_COLUMN = 26;
const HARD_COLUMN = 47;
const UNITS_COLUMN = 68;

const BY_NAME = new Map([
  ['Max cpu time', RLIMIT_CPU],
  ['Max file size', RLIMIT_FSIZE],
  ['Max data size', RLIMIT_DATA],
  ['Max stack size', RLIMIT_STACK],
  ['Max core file size', RLIMIT_CORE],
  ['Max resident set', RLIMIT_RSS],
  ['Max processes', RLIMIT_NPROC],
  ['Max open files', RLIMIT_NOFILE],
  ['Max locked memory', RLIMIT_MEMLOCK],
  ['Max address space', RLIMIT_AS],
  ['Max file locks', RLIMIT_LOCKS],
  ['Max pending signals', RLIMIT_SIGPENDING],
  ['Max msgqueue size', RLIMIT_MSGQUEUE],
  ['Max nice priority', RLIMIT_NICE],
  ['Max realtime priority', RLIMIT_RTPRIO],
  ['Max realtime timeout', RLIMIT_RTTIME],
]);

export interface Limit {
  /** RLIM_INFINITY: unlimited. */
  soft: bigint;
  hard: bigint;
}

/** The 16 limits, at the index of their RLIMIT_ number. */
export function parseLimits(text: string): Limit[] {
  const [, ...lines] = splitLines(text);
  const limits = new Array<Limit>(RLIM_NLIMITS);
  for (const line of lines) {
    const resource = BY_NAME.get(line.slice(0, SOFT_COLUMN).trimEnd());
    if (resource === undefined) throw unreadable(FILE, line);
    limits[resource] = {
      soft: parseLimit(line, SOFT_COLUMN, HARD_COLUMN),
      hard: parseLimit(line, HARD_COLUMN, UNITS_COLUMN),
    };
  }
  for (const [name, resource] of BY_NAME) {
    if (limits[resource] === undefined) throw unreadable(FILE, `(no ${name})`);
  }
  return limits;
}

function parseLimit(line: string, from: number, to: number): bigint {
  const word = line.slice(from, to).trimEnd();
  if (word === 'unlimited') return RLIM_INFINITY;
  const cursor = new Cursor(FILE, line, from);
  const value = cursor.decimal64();
  if (cursor.at !== from + word.length) cursor.fail();
  return value;
}
