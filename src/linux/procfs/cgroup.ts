/**
 * /proc/PID/cgroup: the process's place in each cgroup hierarchy. cgroups(7); Linux
 * kernel/cgroup/cgroup.c.
 */
import { Cursor, DELETED_SUFFIX, splitLines, unreadable } from './text.js';

const FILE = '/proc/PID/cgroup';
const COLON = 58;

export interface CgroupMembership {
  /** 0: version 2, the unified hierarchy. */
  hierarchy: number;
  /** Version 1: 'cpu' 'cpuacct', 'name=systemd' for a named one; version 2: []. */
  controllers: string[];
  /**
   * Below the root of the reader's cgroup namespace; '/..' leads out of it. Without the mark of
   * `deleted`.
   */
  path: string;
  /** The path ends in ' (deleted)': the cgroup was removed, as can happen below a zombie. */
  deleted: boolean;
}

export const parseCgroups = (text: string): CgroupMembership[] =>
  splitLines(text).map(parseMembership);

function parseMembership(line: string): CgroupMembership {
  const cursor = new Cursor(FILE, line);
  const hierarchy = cursor.decimal();
  cursor.expect(COLON);
  // A controller's name cannot have a colon, a path can.
  const colon = line.indexOf(':', cursor.at);
  if (colon < 0 || line[colon + 1] !== '/') throw unreadable(FILE, line);
  const controllers = line.slice(cursor.at, colon);
  const whole = line.slice(colon + 1);
  const deleted = whole.endsWith(DELETED_SUFFIX);
  return {
    ...{ hierarchy, deleted },
    controllers: controllers === '' ? [] : controllers.split(','),
    path: deleted ? whole.slice(0, -DELETED_SUFFIX.length) : whole,
  };
}
