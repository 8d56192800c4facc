/**
 * Signals that came while the tree was frozen: whoever sent them was told that it worked. They are pending then, or have
 * stopped or continued a process, and the images say so; only what comes later still, while the images are written, is
 * lost with the tasks. What the program's own timers sent is not of that kind: they go on from the moment at which they
 * were asked, and send it again.
 */
import type { ProcessView } from '../checkpoint/views.js';
import { peekPending } from '../host/ptrace.js';
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import { isOfTimer } from '../linux/signal.js';
import type { TaskState, TaskSubject } from '../objects/kinds.js';
import type { CoreEntry } from '../objects/rebuild-context.js';
import { pendingPrivate, pendingShared } from '../objects/tasks/pending-signals.js';
import { process as processState } from '../objects/tasks/process.js';
import { within } from '../support/errors.js';
import type { FrozenTree } from '../tracer/freeze.js';
import { added, stopSignalOf } from '../tracer/views.js';

export function saveLateSignals(
  tree: FrozenTree,
  processes: readonly ProcessView[],
  images: ImageSet,
): void {
  for (const process of processes) {
    if (process.state === 'zombie') continue;
    within({ pid: process.pid, comm: process.comm, object: pendingShared.name }, () =>
      saveProcess(tree, process, images),
    );
  }
}

function saveProcess(tree: FrozenTree, before: ProcessView, images: ImageSet): void {
  const process = lookAgain(tree, before);
  const hasTurned = process.stopSignal !== before.stopSignal;
  process.threads.forEach((thread, i) => {
    if (!hasTurned && thread.pending.length === before.threads[i]?.pending.length) return;
    const core = images.require(IMAGES.CORE, thread.vtid);
    update(core, pendingPrivate, { process, thread, isLeader: i === 0 });
  });
  const [thread] = process.threads;
  const isSame = !hasTurned && process.pendingShared.length === before.pendingShared.length;
  if (isSame || thread === undefined) return;
  const core = images.require(IMAGES.CORE, process.vpid);
  delete core.tc?.stop_signo;
  for (const state of [processState, pendingShared]) {
    update(core, state, { process, thread, isLeader: true });
  }
}

function lookAgain(tree: FrozenTree, process: ProcessView): ProcessView {
  const { host } = tree;
  const threads = process.threads.map((thread) => ({
    ...thread,
    pending: withLate(thread.pending, peekPending(host, thread.tid, false)),
  }));
  const [first] = threads;
  const now = first === undefined ? [] : peekPending(host, first.tid, true);
  const view = { ...process, threads, pendingShared: withLate(process.pendingShared, now) };
  return { ...view, stopSignal: stopSignalOf(tree, view) };
}

function withLate(before: Uint8Array[], now: Uint8Array[]): Uint8Array[] {
  const late = added(before, now);
  return late.some(isOfTimer)
    ? now.filter((info) => !late.includes(info) || !isOfTimer(info))
    : now;
}

function update(core: CoreEntry, state: TaskState, subject: TaskSubject): void {
  const patch = state.inspect?.({ ...subject, seen: undefined, probed: undefined });
  if (core.thread_core) Object.assign(core.thread_core, patch?.thread_core);
  if (core.tc) Object.assign(core.tc, patch?.tc);
}
