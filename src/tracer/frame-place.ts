/**
 * Where in a task a signal frame can lie that is there only in case we die. A stack is memory nobody uses below its
 * pointer only if it is known to be a stack: what a thread's pointer points into may be a piece of a heap (coroutines,
 * Go, an alternate stack that was allocated). The main stack is known, by its name.
 */
import { sigframeSize } from '../arch/arch.js';
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import type { Host } from '../host/host.js';
import { attemptReadMemory } from '../host/process-memory.js';
import { alignDown, toNumber } from '../support/bytes.js';

export interface FramePlace {
  address: number;
  /** Not below the thread's own stack pointer: it is all zeros, and must be so again. */
  isBorrowed: boolean;
}

const RED_ZONE = 128;
const FRAME_ALIGN = 64;

/** Undefined where there is none: then the task would not outlive us for the duration of one system call. */
export function placeFrame(
  host: Host,
  { process, thread }: { process: ProcessView; thread: ThreadView },
): FramePlace | undefined {
  const stack = process.mappings.find(({ label }) => label === '[stack]');
  if (stack === undefined) return undefined;
  const size = sigframeSize(thread.xstate.length) + FRAME_ALIGN;
  const pointers = process.threads.map(({ regs }) => toNumber(regs.sp));
  const inside = pointers.filter((sp) => sp >= stack.start && sp <= stack.end);
  const lowest = Math.min(...inside, stack.end) - RED_ZONE - size;
  if (lowest < stack.start) return undefined;
  if (toNumber(thread.regs.sp) === lowest + RED_ZONE + size) {
    return { address: alignDown(lowest + FRAME_ALIGN, FRAME_ALIGN), isBorrowed: false };
  }
  // Somebody else's stack, or one that is not in use now but was and will be: its far end, if it looks untouched.
  const content = attemptReadMemory(host, process.pid, stack.start, size);
  if (typeof content === 'number' || content.some((byte) => byte !== 0)) return undefined;
  return { address: stack.start, isBorrowed: true };
}
