/** A progress bar on standard error. Draws nothing for work that is over soon, and nothing if it is not a terminal. */
import type { ProgressEvent } from '../operations/types.js';

/** At most ten frames a second, and none in the first moments. */
const FRAME_MS = 100;
const QUIET_MS = 500;
const BAR_WIDTH = 30;
const CLEAR = '\r\x1b[K';

export interface ProgressBar {
  readonly show: (event: ProgressEvent) => void;
  /** Removes the bar, if one was drawn. */
  clear(): void;
}

/** `write` puts text on the terminal; `nowMs` is a clock that only goes forward. */
export function progressBar(write: (text: string) => void, nowMs: () => number): ProgressBar {
  const startMs = nowMs();
  let lastMs = startMs + QUIET_MS - FRAME_MS;
  let drawn = false;
  return {
    show(event) {
      const now = nowMs();
      if (now - lastMs < FRAME_MS) return;
      lastMs = now;
      drawn = true;
      write(`${CLEAR}${progressText(event)}`);
    },
    clear() {
      if (drawn) write(CLEAR);
      drawn = false;
    },
  };
}

/** 'writing pages [#####     ]  17% of 1.0 GiB' */
export function progressText({ phase, doneBytes, totalBytes }: ProgressEvent): string {
  const share = totalBytes > 0 ? Math.min(1, Math.max(0, doneBytes / totalBytes)) : 1;
  const bar = '#'.repeat(Math.floor(share * BAR_WIDTH)).padEnd(BAR_WIDTH);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${phase} [${bar}] ${percent}% of ${bytesText(totalBytes)}`;
}

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}
