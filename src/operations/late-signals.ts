/**
 * Signals that came while the tree was frozen: whoever sent them was told that it worked. They are pending then, and the
 * images say so; only what comes later still, while the images are written, is lost with the tasks. What the program's own
 * timers sent is not of that kind: they go on from the moment at which they were asked, and send it again.
 */
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import type { Host } from '../host/host.js';
import { peekPending } from '../host/ptrace.js';
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import { isOfTimer } from '../linux/signal.js';
import { pendingPrivate, pendingShared } from '../objects/tasks/pending-signals.js';
import { within } from '../support/errors.js';
import type { FrozenTree } from '../tracer/freeze.js';
import { added } from '../tracer/views.js';

export function saveLateSignals(
  { host }: FrozenTree,
  processes: readonly ProcessView[],
  images: ImageSet,
): void {
  for (const process of processes) {
    for (const thread of process.threads) {
      within({ pid: thread.tid, comm: process.comm, object: pendingShared.name }, () =>
        saveThread(host, { process, thread }, images),
      );
    }
  }
}

function saveThread(
  host: Host,
  { process, thread }: { process: ProcessView; thread: ThreadView },
  images: ImageSet,
): void {
  const isFirst = thread === process.threads[0];
  const shared = isFirst
    ? withLate(process.pendingShared, peekPending(host, thread.tid, true))
    : process.pendingShared;
  const pending = withLate(thread.pending, peekPending(host, thread.tid, false));
  const core = images.require(IMAGES.CORE, thread.vtid);
  if (pending.length !== thread.pending.length && core.thread_core) {
    const subject = { process, thread: { ...thread, pending }, isLeader: isFirst };
    const patch = pendingPrivate.inspect?.({ ...subject, seen: undefined, probed: undefined });
    Object.assign(core.thread_core, patch?.thread_core);
  }
  if (shared.length !== process.pendingShared.length && core.tc) {
    const subject = { process: { ...process, pendingShared: shared }, thread, isLeader: isFirst };
    const patch = pendingShared.inspect?.({ ...subject, seen: undefined, probed: undefined });
    Object.assign(core.tc, patch?.tc);
  }
}

function withLate(before: Uint8Array[], now: Uint8Array[]): Uint8Array[] {
  const late = added(before, now);
  return late.some(isOfTimer)
    ? now.filter((info) => !late.includes(info) || !isOfTimer(info))
    : now;
}
