/**
 * Makes this process the parent of every orphan below it, so that a test sees whatever a tool
 * leaves behind, can collect the exit status of a restored program, and does not depend on what
 * process 1 does. prctl(2) PR_SET_CHILD_SUBREAPER, wait4(2).
 */
import type { ChildProcess } from 'node:child_process';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const prctl = libc.func('int prctl(int, ulong, ulong, ulong, ulong)');
const waitpid = libc.func('int waitpid(int, _Out_ int *, int)');

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
const __WALL = 0x40000000;

// Whatever this process was started with, programs under test begin with three descriptors.
const closeRange = libc.func('int close_range(uint, uint, int)');
const CLOSE_RANGE_CLOEXEC = 4;
closeRange(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);

if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) throw new Error('PR_SET_CHILD_SUBREAPER');

/** How an adopted process ended: its exit code, or the number of the signal that killed it. */
export interface Ended {
  code?: number;
  signal?: number;
}

/** Children that Node started and must collect itself, or their 'exit' would never come. */
const nodes = new Set<number>();

/** Leaves a child to Node until it has ended. */
export function leaveToNode(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  nodes.add(pid);
  child.once('exit', () => nodes.delete(pid));
}

/** Collects an adopted orphan; undefined while it runs, and when it is no child of ours. */
export function reap(pid: number): Ended | undefined {
  if (nodes.has(pid)) return undefined;
  const status: [number] = [0];
  if (waitpid(pid, status, WNOHANG | __WALL) !== pid) return undefined;
  const signal = status[0] & 0x7f;
  return signal === 0 ? { code: (status[0] >> 8) & 0xff } : { signal };
}
