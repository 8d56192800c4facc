/** Files of /proc/PID, by their names: they belong to a task, and come back with it. proc(5). */
import { ENOENT } from '../../linux/errno.js';
import type { FdLink } from '../../linux/procfs/fd-link.js';
import type { Fdinfo } from '../../linux/procfs/fdinfo.js';
import { S_IFDIR } from '../../linux/uapi/fcntl.js';
import { type CheckpointError, external, unsupported } from '../../support/errors.js';
import type { FileStat } from '../ports.js';

export interface ProcName {
  pid: number;
  /** As in /proc/12/task/13. */
  tid: number | undefined;
  /** What is behind that: '', '/status'. */
  rest: string;
}

const TASK = /^\/proc\/(\d+)(?:\/task\/(\d+))?(\/.*)?$/;

/** Undefined for what does not belong to a task. */
export function parseProcName(name: string): ProcName | undefined {
  const found = TASK.exec(name);
  if (!found) return undefined;
  const [, pid, tid, rest = ''] = found;
  return { pid: Number(pid), tid: tid === undefined ? undefined : Number(tid), rest };
}

/** Links to what a process has open or mapped, and what is told of each: they come and go with descriptors. */
const OF_DESCRIPTORS = /^\/(fd|fdinfo|map_files)\/./;

/** Why a file of a task cannot be saved; `inside`: the pids of the tree. */
export function procObstacle(
  name: string,
  inside: ReadonlySet<number>,
): CheckpointError | undefined {
  const task = parseProcName(name);
  if (task === undefined) return undefined;
  const { pid, rest } = task;
  if (!inside.has(pid)) {
    return external(`'${name}' belongs to process ${pid}, which is outside the tree`, {
      remedy: 'close it before the checkpoint, or checkpoint a tree that the process belongs to',
    });
  }
  return (
    threadObstacle(name, task) ?? (OF_DESCRIPTORS.test(rest) ? ofDescriptors(name) : undefined)
  );
}

/** The same of a task that is gone. */
export function goneObstacle(
  name: string,
  task: ProcName,
  inside: ReadonlySet<number>,
): CheckpointError | undefined {
  if (inside.has(task.pid)) {
    return unsupported(`'${name}' belongs to a task that is gone, and its number to another`, {
      remedy: 'close it before the checkpoint',
    });
  }
  return threadObstacle(name, task);
}

function threadObstacle(name: string, { pid, tid }: ProcName): CheckpointError | undefined {
  if (tid === undefined || tid === pid) return undefined;
  return unsupported(
    `'${name}' belongs to a thread: open files in its folder of /proc are not saved yet`,
    {
      remedy: 'close it before the checkpoint',
    },
  );
}

const ofDescriptors = (name: string): CheckpointError =>
  unsupported(`'${name}' belongs to a descriptor or mapping, and is not saved yet`, {
    remedy: 'close it before the checkpoint',
  });

/** Of /proc/PID/fd, when the process is gone, nobody is told more than that it is a directory (ENOENT). */
export function statOfGone(
  errno: number,
  { link, fdinfo }: { link: FdLink; fdinfo: Fdinfo },
): FileStat | undefined {
  if (errno !== -ENOENT || link.kind !== 'path' || !parseProcName(link.path)) return undefined;
  const owner = { uid: 0, gid: 0, rdev: 0n, size: 0 };
  return { dev: 0n, ino: fdinfo.ino ?? 0n, nlink: 0n, mode: S_IFDIR | 0o500, ...owner };
}
