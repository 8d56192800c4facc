/** wait4(2) for tracees and puppets, bounded by a deadline: what happened to which thread, as a value. */
import { ECHILD, EINTR } from '../linux/errno.js';
import { SIGTRAP } from '../linux/signal.js';
import * as sys from '../linux/syscalls/tasks.js';
import { __WALL, __WNOTHREAD, WNOHANG, WUNTRACED } from '../linux/uapi/sched.js';
import { type Pid, pid } from '../support/brand.js';
import { type Host, syscallError } from './host.js';
import type { Interrupts } from './interrupts.js';

export type WaitEvent =
  | { tid: Pid; kind: 'exited'; status: number }
  | { tid: Pid; kind: 'killed'; signal: number }
  /** A ptrace stop: `event` is PTRACE_EVENT_*, 0 for a signal-delivery or system call stop. */
  | { tid: Pid; kind: 'stopped'; signal: number; event: number };

/** A system call stop (PTRACE_O_TRACESYSGOOD): SIGTRAP with this bit. */
const SYSCALL_STOP = 0x80;

export const isSyscallStop = (event: WaitEvent & { kind: 'stopped' }): boolean =>
  event.event === 0 && event.signal === SIGTRAP + SYSCALL_STOP;

/** What is traced or was born by this thread: nobody else's. */
const OURS = __WALL + __WNOTHREAD;

/** The next event of any thread traced or born by this thread. Throws when time is up. */
export function waitAny(host: Host, interrupts: Interrupts, waitingFor: () => string): WaitEvent {
  const event = waitFor(host, -1, OURS, () => interrupts.check(waitingFor));
  if (event === undefined) throw syscallError('wait4', ECHILD);
  return event;
}

/** As waitAny; returns undefined when a tick (Interrupts.arm with `ticking`) came first. */
export function waitAnyOrTick(
  host: Host,
  interrupts: Interrupts,
  waitingFor: () => string,
): WaitEvent | undefined {
  let ticked = false;
  const event = waitFor(host, -1, OURS, () => {
    interrupts.check(waitingFor);
    ticked = true;
    return 'stop';
  });
  if (event === undefined && !ticked) throw syscallError('wait4', ECHILD);
  return event;
}

/** An event that is there already, or undefined. */
export const pollAny = (host: Host): WaitEvent | undefined =>
  waitFor(host, -1, OURS + WNOHANG, () => {});

/** As waitAny, of one task. */
export function waitOne(
  host: Host,
  tid: number,
  interrupts: Interrupts,
  waitingFor: () => string,
): WaitEvent {
  const event = waitFor(host, tid, OURS, () => interrupts.check(waitingFor));
  if (event === undefined) throw syscallError('wait4', ECHILD);
  return event;
}

/**
 * The end of a child of any thread of this process that is not traced, however long it takes. `interrupted` is called
 * when a signal came meanwhile.
 */
export function waitEnd(
  host: Host,
  child: Pid,
  interrupted: () => void,
): WaitEvent & { kind: 'exited' | 'killed' } {
  for (;;) {
    const event = waitFor(host, child, __WALL, interrupted);
    if (event === undefined) throw syscallError('wait4', ECHILD);
    if (event.kind !== 'stopped') return event;
  }
}

/** As waitEnd; also the stop of a child by a signal (WUNTRACED). */
export function waitEndOrStop(host: Host, child: Pid, interrupted: () => void): WaitEvent {
  const event = waitFor(host, child, __WALL + WUNTRACED, interrupted);
  if (event === undefined) throw syscallError('wait4', ECHILD);
  return event;
}

/** The same without waiting; undefined also when it runs on, or is no child of ours. */
export const pollChild = (host: Host, pid: number): WaitEvent | undefined =>
  waitFor(host, pid, __WALL + WNOHANG, () => {});

/** undefined: nothing to report (WNOHANG), or nobody left to wait for. */
function waitFor(
  host: Host,
  target: number,
  options: number,
  interrupted: () => unknown,
): WaitEvent | undefined {
  const mark = host.arena.mark;
  const status = host.arena.reserve(4);
  try {
    for (;;) {
      const result = host.attemptWords(sys.wait4, [target, status, options, 0]);
      if (result === -EINTR) {
        if (interrupted() === 'stop') return undefined;
        continue;
      }
      if (result === 0 || result === -ECHILD) return undefined;
      if (result < 0) throw syscallError('wait4', -result);
      return decodeStatus(pid(result), host.arena.view.getUint32(host.arena.at(status), true));
    }
  } finally {
    host.arena.release(mark);
  }
}

/** wait(2): W* macros; the ptrace event sits in bits 16-23. */
function decodeStatus(tid: Pid, status: number): WaitEvent {
  const low = status & 0x7f;
  if (low === 0) return { tid, kind: 'exited', status: (status >> 8) & 0xff };
  if ((status & 0xff) !== 0x7f) return { tid, kind: 'killed', signal: low };
  return { tid, kind: 'stopped', signal: (status >> 8) & 0xff, event: (status >> 16) & 0xff };
}
