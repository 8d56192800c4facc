/** The pages of a tree: a pages file and a pagemap per process, and one each per shared object. */

import type { ProcessView } from '../checkpoint/views.js';
import type { Host } from '../host/host.js';
import type { HostImageStore } from '../host/image-store.js';
import { IMAGES } from '../images/catalogue.js';
import { imageName } from '../images/image.js';
import { PagemapWriter, PE_PRESENT } from '../images/pagemap.js';
import type { InspectedMemory, SegmentUse } from '../objects/memory/inspect.js';
import { mapFilesPath } from '../objects/memory/observe.js';
import { toNumber } from '../support/bytes.js';
import { within } from '../support/errors.js';
import { writeProcessPages, writeSegmentPages } from '../tracer/pages.js';

export interface ProcessMemory {
  process: ProcessView;
  memory: InspectedMemory;
}

export interface PageCounts {
  /** Pages of private memory written. */
  written: number;
  /** Pages of shared objects written. */
  shared: number;
}

/** Streams every page; `onBytes` is told how many bytes have been written since the last call, and may throw. */
export function writePages(
  host: Host,
  store: HostImageStore,
  processes: readonly ProcessMemory[],
  onBytes: (bytes: number) => void,
): PageCounts {
  const counts: PageCounts = { written: 0, shared: 0 };
  let pagesId = 1;
  for (const { process, memory } of processes) {
    within({ pid: process.pid, comm: process.comm }, () => {
      counts.written += onePagemap(store, IMAGES.PAGEMAP, process.vpid, pagesId++, (target) =>
        writeProcessPages(host, process.pid, memory.areas, { ...target, onProgress: onBytes }),
      );
    });
  }
  for (const use of segmentsOf(processes)) {
    counts.shared += onePagemap(
      store,
      IMAGES.SHMEM_PAGEMAP,
      toNumber(use.shmid),
      pagesId++,
      (target) =>
        writeSegmentPages(
          host,
          { link: mapFilesPath(use.process.pid, use), flags: PE_PRESENT },
          { ...target, onProgress: onBytes },
        ),
    );
  }
  return counts;
}

/** Each shared object once, by whichever use of it comes first. */
function segmentsOf(processes: readonly ProcessMemory[]): SegmentUse[] {
  const segments = new Map<bigint, SegmentUse>();
  for (const { memory } of processes) {
    for (const use of memory.segments) if (!segments.has(use.shmid)) segments.set(use.shmid, use);
  }
  return [...segments.values()];
}

type Target = Pick<Parameters<typeof writeProcessPages>[3], 'pages' | 'name' | 'pagemap'>;

function onePagemap(
  store: HostImageStore,
  image: typeof IMAGES.PAGEMAP | typeof IMAGES.SHMEM_PAGEMAP,
  id: number,
  pagesId: number,
  write: (target: Target) => number,
): number {
  const name = imageName(IMAGES.PAGES, pagesId);
  const pages = store.create(name);
  const runs = store.create(imageName(image, id));
  try {
    const pagemap = new PagemapWriter(image, runs, pagesId);
    const count = write({ pages, name, pagemap });
    pagemap.finish();
    pages.finish();
    return count;
  } finally {
    pages.close();
    runs.close();
  }
}
