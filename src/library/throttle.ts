/** Fewer events than there are: the first of each phase, the last of it, and one now and then. Pure. */
import type { ProgressEvent } from './requests.js';

/** Passes an event on when `everyMs` have gone by since the last, and whenever a phase begins or is complete. */
export function throttled(
  pass: (event: ProgressEvent) => void,
  everyMs: number,
  nowMs: () => number,
): (event: ProgressEvent) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  let phase: string | undefined;
  return (event) => {
    const now = nowMs();
    const complete = event.doneBytes >= event.totalBytes;
    if (event.phase === phase && !complete && now - lastMs < everyMs) return;
    lastMs = now;
    phase = event.phase;
    pass(event);
  };
}
