/** The pages of a tree: a pages file and a pagemap per process, and one each per shared object. */

import type { PagemapImage } from '../checkpoint/page-facts.js';
import type { ProcessView } from '../checkpoint/views.js';
import type { Host } from '../host/host.js';
import type { HostImageStore } from '../host/image-store.js';
import type { Spool } from '../host/spool.js';
import { IMAGES } from '../images/catalogue.js';
import { type ImageSet, writeImage } from '../images/directory.js';
import { type Image, imageName } from '../images/image.js';
import { PagemapWriter, PE_PRESENT } from '../images/pagemap.js';
import type { InspectedMemory, Segment } from '../objects/memory/inspect.js';
import { toNumber } from '../support/bytes.js';
import { within } from '../support/errors.js';
import { type RunSink, writeProcessPages } from '../tracer/pages.js';
import { writeSegmentPages } from '../tracer/segment-pages.js';

export interface ProcessMemory {
  process: ProcessView;
  memory: InspectedMemory;
  /** ids-PID.img: processes with the same number share this memory. */
  vm_id: number;
  /** Bytes of private pages, nearly. */
  bytes: number;
}

/** All that has pages. */
export interface TreeMemory {
  processes: readonly ProcessMemory[];
  segments: readonly Segment[];
}

export interface PageStores {
  store: HostImageStore;
  /** Where pages go first, if there is room. */
  spool: Spool | undefined;
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
  { store, spool }: PageStores,
  { processes, segments, onBytes }: TreeMemory & { onBytes: (bytes: number) => void },
): PageCounts {
  const counts: PageCounts = { written: 0, shared: 0 };
  let pagesId = 1;
  const memories = new Map<number, WrittenMemory>();
  for (const { process, memory, vm_id, bytes } of processes) {
    within({ pid: process.pid, comm: process.comm }, () => {
      const written = memories.get(vm_id);
      const files = spool?.takes(written ? 0 : bytes) ? spool : store;
      if (written) {
        repeatPagemap(files, process.vpid, written);
        return;
      }
      const place = { image: IMAGES.PAGEMAP, id: process.vpid, pagesId: pagesId++ };
      const runs: PageRun[] = [];
      const isShared = processes.filter((other) => other.vm_id === vm_id).length > 1;
      counts.written += onePagemap(files, place, (target) =>
        writeProcessPages(host, process.task, memory.areas, {
          ...target,
          pagemap: isShared ? recording(target.pagemap, runs) : target.pagemap,
          onProgress: onBytes,
        }),
      );
      if (isShared) memories.set(vm_id, { pagesId: place.pagesId, runs });
    });
  }
  for (const { shmid, link } of segments) {
    counts.shared += onePagemap(
      store,
      { image: IMAGES.SHMEM_PAGEMAP, id: toNumber(shmid), pagesId: pagesId++ },
      (target) =>
        writeSegmentPages(host, { link, flags: PE_PRESENT }, { ...target, onProgress: onBytes }),
    );
  }
  return counts;
}

type PageRun = Parameters<RunSink['add']>[0];

/** The pages of several processes: each has a pagemap of its own, and all name one pages file. */
interface WrittenMemory {
  pagesId: number;
  runs: readonly PageRun[];
}

const recording = (sink: RunSink, runs: PageRun[]): RunSink => ({
  add(run) {
    runs.push({ ...run });
    sink.add(run);
  },
});

function repeatPagemap(
  store: HostImageStore | Spool,
  vpid: number,
  { pagesId, runs }: WrittenMemory,
): void {
  const file = store.create(imageName(IMAGES.PAGEMAP, vpid));
  try {
    const pagemap = new PagemapWriter(IMAGES.PAGEMAP, file, pagesId);
    for (const run of runs) pagemap.add(run);
    pagemap.finish();
  } finally {
    file.close();
  }
}

/** Deleted files, whose content streams out of files that tasks have open: while these stand still. */
export function writeGhosts(images: ImageSet, store: HostImageStore): void {
  const image = IMAGES.GHOST_FILE;
  for (const id of images.ids(image)) {
    writeImage(store, imageName(image, id), image, images.entries(image, id));
    images.remove(image as Image, id);
  }
}

type Target = Pick<Parameters<typeof writeProcessPages>[3], 'pages' | 'name' | 'pagemap'>;

function onePagemap(
  store: HostImageStore | Spool,
  { image, id, pagesId }: { image: PagemapImage; id: number; pagesId: number },
  write: (target: Target) => number,
): number {
  const name = imageName(IMAGES.PAGES, pagesId);
  const pages = store.createPages(name);
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
