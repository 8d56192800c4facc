/** How far pages have come. In a restore the tasks read them themselves: it is seen in their resident memory. */
import { identifyImage } from '../images/catalogue.js';
import type { ImageStore } from '../images/store.js';
import type { KernelPort } from '../objects/ports.js';
import type { Stage } from '../plan/stages.js';
import { PAGE_SIZE } from '../support/brand.js';
import type { ProgressEvent } from './types.js';

/** Less is restored before anybody looks. */
const WORTH_SHOWING = 64 * 1024 * 1024;

export interface PageProgress {
  port: KernelPort;
  store: ImageStore;
  /** The live processes, by our pids. */
  pids: readonly number[];
  report: (event: ProgressEvent) => void;
}

/** To be called now and then with the stage that runs. */
export function pageProgress({ port, store, pids, report }: PageProgress): (stage: Stage) => void {
  const totalBytes = pagesLength(store);
  if (totalBytes < WORTH_SHOWING) return () => {};
  return (stage) => {
    if (stage !== 'memory') return;
    const doneBytes = pids.reduce((sum, pid) => sum + residentBytes(port, pid), 0);
    report({ phase: 'reading pages', doneBytes: Math.min(doneBytes, totalBytes), totalBytes });
  };
}

function pagesLength(store: ImageStore): number {
  let length = 0;
  for (const name of store.list()) {
    if (identifyImage(name)?.image.key !== 'PAGES') continue;
    const reader = store.open(name);
    length += reader?.size ?? 0;
    reader?.close();
  }
  return length;
}

/** /proc/PID/statm, in pages: the second number is what is resident. 0 for a task that is gone. */
export function residentBytes(port: KernelPort, pid: number): number {
  const text = port.attemptReadText(`/proc/${pid}/statm`);
  if (typeof text === 'number') return 0;
  return Number.parseInt(text.split(' ')[1] ?? '0', 10) * PAGE_SIZE;
}
