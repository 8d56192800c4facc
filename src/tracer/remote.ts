/**
 * One system call in each of many frozen processes at once. Before anything else, a signal frame with the task's
 * true state is written to its main stack, as the return address of the call: if the tracer dies, the call
 * ends in rt_sigreturn and the task goes on. Restoring the registers happens at an interrupt stop, where the kernel
 * still restarts the call that the freeze interrupted.
 */
import {
  buildSigframe,
  buildSigframe32,
  callWith,
  forFrame,
  is32Bit,
  type Registers,
  type Sigframe,
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
import { isSyscallStop, waitAny } from '../host/wait.js';
import { FULL_SIGSET } from '../linux/signal.js';
import { PTRACE_EVENT_STOP } from '../linux/uapi/ptrace.js';
import { toNumber, toSigned, toWord } from '../support/bytes.js';
import { type CheckpointError, gone } from '../support/errors.js';
import { Away } from './away.js';
import { placeFrame } from './frame-place.js';
import { type FrozenTree, signalOf } from './freeze.js';
import type { Gadgets } from './gadgets.js';

export interface RemoteCall {
  process: ProcessView;
  /** The thread that makes the call. */
  thread: ThreadView;
  gadgets: Gadgets;
  /** A number of the code that the thread runs. */
  nr: number;
  args: readonly number[];
}

/** A frame that asks rt_sigreturn to set this alternate stack leaves the task's own as it is: EINVAL is ignored. */
export const KEEP_ALTSTACK = { ss_sp: 0, ss_flags: 0x7fff_fff0, ss_size: 0 };

/**
 * Makes the calls, all at once. `done` is told each result, -errno when it failed. The threads have their own registers
 * back afterwards, also when this throws; then `done` was told of the calls that were made nevertheless.
 */
export function remoteCalls(
  tree: FrozenTree,
  calls: readonly RemoteCall[],
  { layout, done }: { layout: XstateLayout; done: (call: RemoteCall, result: number) => void },
): void {
  const byThread = new Map<number, RemoteCall>(calls.map((call) => [call.thread.tid, call]));
  const away = new Away(tree);
  const borrowed: Borrowed[] = [];
  const tell = (tid: number, { ip, ax }: Registers): void => {
    const call = byThread.get(tid);
    if (call && toNumber(ip) === behindCall(call)) done(call, Number(toSigned(ax)));
  };
  try {
    for (const call of calls) {
      away.add(call.thread, ({ ip }) =>
        [call.gadgets.syscall, behindCall(call)].includes(toNumber(ip)),
      );
      begin(tree, call, { layout, borrowed });
      resumeToSyscall(tree.host, call.thread.tid);
    }
    const finish = (tid: number): void => {
      tell(tid, getRegisters(tree.host, tid));
      away.restore(tid);
    };
    waitCalls(tree, away, finish);
  } catch (error) {
    away.bringBack(tell);
    throw error;
  } finally {
    for (const { call, address, length } of borrowed) {
      if (away.has(call.thread.tid)) continue;
      attemptWriteMemory(tree.host, call.process.pid, address, new Uint8Array(length));
    }
  }
}

/** Memory of a task that must be zeros again afterwards. */
interface Borrowed {
  call: RemoteCall;
  address: number;
  length: number;
}

/** `syscall`: 0f 05; `int 0x80`: cd 80. A thread that has not come so far has not made the call. */
const SYSCALL_LENGTH = 2;
const behindCall = ({ gadgets }: RemoteCall): number => gadgets.syscall + SYSCALL_LENGTH;

function waitCalls(tree: FrozenTree, away: Away, finish: (tid: number) => void): void {
  const { host } = tree;
  const entered = new Set<number>();
  while (away.size > 0) {
    const event = waitAny(host, tree.interrupts, () => 'a system call in a task');
    const { tid } = event;
    if (event.kind !== 'stopped') {
      tree.noteEnd(tid);
      const thread = away.end(tid);
      if (thread) throw goneMeanwhile(thread);
    } else if (!away.has(tid)) {
      away.noteStop(event);
    } else if (isSyscallStop(event) && !entered.has(tid)) {
      // The stop asked for now comes after the call, before any code of the task.
      entered.add(tid);
      interrupt(host, tid);
      resume(host, tid);
    } else if (event.event === PTRACE_EVENT_STOP && entered.has(tid)) {
      away.noteStop(event);
      finish(tid);
    } else {
      away.noteStop(event);
      if (entered.has(tid)) resume(host, tid, signalOf(event));
      else resumeToSyscall(host, tid, signalOf(event));
    }
  }
}

/** Somebody killed it: the dump cannot go on. */
export const goneMeanwhile = ({ tid, stat }: ThreadView): CheckpointError =>
  gone('the task was killed meanwhile', { pid: tid, comm: stat.comm });

function begin(
  tree: FrozenTree,
  call: RemoteCall,
  { layout, borrowed }: { layout: XstateLayout; borrowed: Borrowed[] },
): void {
  const { host } = tree;
  const { process, thread, gadgets } = call;
  const place = gadgets.sigreturn === undefined ? undefined : placeFrame(host, call);
  const frame = place && frameOf(call, place.address, layout);
  if (place?.isBorrowed && frame) {
    borrowed.push({ call, address: place.address, length: frame.bytes.length });
  }
  const written =
    frame && attemptWriteMemory(host, process.task, frame.frameAddress, frame.bytes) === 0;
  const sp = written ? frame.frameAddress : undefined;
  setRegisters(host, thread.tid, callRegisters(call, sp));
  // After the registers: should the tracer die in between, the frame's own mask is the true one either way.
  setSigmask(host, thread.tid, FULL_SIGSET);
}

function callRegisters(
  { thread, gadgets, nr, args }: RemoteCall,
  sp: number | undefined,
): Registers {
  const regs = callWith(thread.regs, { ip: gadgets.syscall, nr, args });
  return sp === undefined ? regs : { ...regs, sp: toWord(sp) };
}

/** As the code that the thread runs has it: the call is made, and ends, in that code. */
function frameOf({ thread, gadgets }: RemoteCall, address: number, layout: XstateLayout): Sigframe {
  const build = is32Bit(thread.regs) ? buildSigframe32 : buildSigframe;
  return build({
    address,
    regs: forFrame(thread.regs),
    xstate: thread.xstate,
    layout,
    sigmask: thread.sigmask,
    altstack: KEEP_ALTSTACK,
    restorer: gadgets.sigreturn ?? 0,
  });
}
