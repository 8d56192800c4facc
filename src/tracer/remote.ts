/**
 * One system call in each of many frozen processes at once. Before anything else, a signal frame with the task's
 * true state is written below its stack's red zone, as the return address of the call: if the tracer dies, the call
 * ends in rt_sigreturn and the task goes on. Restoring the registers happens at an interrupt stop, where the kernel
 * still restarts the call that the freeze interrupted.
 */
import {
  buildSigframe,
  forFrame,
  type Registers,
  redirect,
  sigframeSize,
  type XstateLayout,
} from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { attemptWriteMemory } from '../host/process-memory.js';
import {
  getRegisters,
  interrupt,
  resume,
  resumeToSyscall,
  setRegisters,
  setSigmask,
} from '../host/ptrace.js';
import { SYSCALL_STOP, type WaitEvent, waitAny } from '../host/wait.js';
import type { Mapping } from '../linux/procfs/maps.js';
import { FULL_SIGSET, SIGSTOP, SIGTRAP } from '../linux/signal.js';
import { PTRACE_EVENT_STOP } from '../linux/uapi/ptrace.js';
import { assert } from '../support/assert.js';
import { alignDown, toNumber, toSigned, toWord } from '../support/bytes.js';
import { gone } from '../support/errors.js';
import type { FrozenTree } from './freeze.js';
import type { Gadgets } from './gadgets.js';

export interface RemoteCall {
  process: ProcessView;
  /** The thread that makes the call. */
  thread: ThreadView;
  gadgets: Gadgets;
  nr: number;
  args: readonly number[];
}

const RED_ZONE = 128;
const FRAME_ALIGN = 64;
/** A frame that asks rt_sigreturn to set this alternate stack leaves the task's own as it is: EINVAL is ignored. */
export const KEEP_ALTSTACK = { ss_sp: 0, ss_flags: 0x7fff_fff0, ss_size: 0 };

/** Makes the calls, all at once; results in order, negative ones are -errno. The registers are back afterwards. */
export function remoteCalls(
  tree: FrozenTree,
  calls: readonly RemoteCall[],
  layout: XstateLayout,
): number[] {
  const { host } = tree;
  const pending = new Map<number, { index: number; entered: boolean }>();
  calls.forEach((call, index) => {
    begin(tree, call, layout);
    pending.set(call.thread.tid, { index, entered: false });
    resumeToSyscall(host, call.thread.tid);
  });
  const results: number[] = calls.map(() => 0);
  while (pending.size > 0) {
    const event = waitAny(host, tree.interrupts, () => 'a system call in a task');
    const state = pending.get(event.tid);
    if (state === undefined) continue;
    if (event.kind !== 'stopped') throw goneMeanwhile(calls[state.index]);
    if (isSyscallStop(event) && !state.entered) {
      // The stop asked for now comes after the call, before any code of the task.
      state.entered = true;
      interrupt(host, event.tid);
      resume(host, event.tid);
    } else if (event.event === PTRACE_EVENT_STOP && state.entered) {
      results[state.index] = finish(tree, calls[state.index]);
      pending.delete(event.tid);
    } else {
      holdSignal(tree, event);
      if (state.entered) resume(host, event.tid);
      else resumeToSyscall(host, event.tid);
    }
  }
  return results;
}

const isSyscallStop = (event: WaitEvent & { kind: 'stopped' }): boolean =>
  event.event === 0 && event.signal === SIGTRAP + SYSCALL_STOP;

function begin(tree: FrozenTree, call: RemoteCall, layout: XstateLayout): void {
  const { host } = tree;
  const { process, thread, gadgets, nr, args } = call;
  const frame = gadgets.sigreturn === undefined ? undefined : placeFrame(call, layout);
  if (frame && attemptWriteMemory(host, process.task, frame.frameAddress, frame.bytes) === 0) {
    setRegisters(
      host,
      thread.tid,
      callRegisters(thread.regs, gadgets, nr, args, frame.frameAddress),
    );
  } else {
    setRegisters(host, thread.tid, callRegisters(thread.regs, gadgets, nr, args, undefined));
  }
  // After the registers: should the tracer die in between, the frame's own mask is the true one either way.
  setSigmask(host, thread.tid, FULL_SIGSET);
}

function callRegisters(
  regs: Registers,
  { syscall }: Gadgets,
  nr: number,
  args: readonly number[],
  sp: number | undefined,
): Registers {
  const [di = 0, si = 0, dx = 0, r10 = 0, r8 = 0, r9 = 0] = args;
  const words = { di, si, dx, r10, r8, r9, ax: nr, ip: syscall };
  const to = Object.fromEntries(
    Object.entries(words).map(([name, value]) => [name, toWord(value)]),
  );
  return redirect(regs, sp === undefined ? to : { ...to, sp: toWord(sp) });
}

/** The frame below the stack's red zone; undefined where the stack may be too small to write below. */
function placeFrame({ process, thread, gadgets }: RemoteCall, layout: XstateLayout) {
  const sp = toNumber(thread.regs.sp);
  const needed = sigframeSize(thread.xstate.length) + RED_ZONE + FRAME_ALIGN;
  if (!hasRoomBelow(process.mappings, sp, needed)) return undefined;
  return buildSigframe({
    address: alignDown(sp - needed, FRAME_ALIGN),
    regs: forFrame(thread.regs),
    xstate: thread.xstate,
    layout,
    sigmask: thread.sigmask,
    altstack: KEEP_ALTSTACK,
    restorer: gadgets.sigreturn ?? 0,
  });
}

/** Whether memory below `sp` belongs to the same stack: the main stack, or a mapping with a guard below it. */
export function hasRoomBelow(mappings: readonly Mapping[], sp: number, needed: number): boolean {
  const index = mappings.findIndex(({ start, end }) => start <= sp && sp <= end);
  const mapping = mappings[index];
  if (mapping === undefined || sp - needed < mapping.start) return false;
  if (mapping.label === '[stack]') return true;
  const below = mappings[index - 1];
  return (
    mapping.path === undefined &&
    below !== undefined &&
    below.end === mapping.start &&
    below.prot === 0
  );
}

function finish(tree: FrozenTree, call: RemoteCall | undefined): number {
  assert(call !== undefined, 'a remote call that was not begun has ended');
  const { host } = tree;
  const result = toSigned(getRegisters(host, call.thread.tid).ax);
  restoreThread(tree, call.thread);
  return Number(result);
}

/** Puts a thread's own mask and registers back. The mask first: see the note on the tape's end in agent.ts. */
export function restoreThread({ host }: FrozenTree, { tid, regs, sigmask }: ThreadView): void {
  setSigmask(host, tid, sigmask);
  setRegisters(host, tid, regs);
}

/** A signal that cannot be blocked arrived meanwhile: it is sent again when the tree is let go. */
export function holdSignal(tree: FrozenTree, event: WaitEvent): void {
  if (event.kind === 'stopped' && event.event === 0 && event.signal === SIGSTOP) {
    tree.sendAtThaw(event.tid, SIGSTOP);
  }
}

export const goneMeanwhile = (call: { process: ProcessView } | undefined) =>
  gone('the task was killed meanwhile', {
    ...(call ? { pid: call.process.pid, comm: call.process.comm } : {}),
  });
