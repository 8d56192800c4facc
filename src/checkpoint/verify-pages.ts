/** Saved pages: runs lie in memory that exists and has pages of its own, and page files are long enough for them. */
import { IMAGES } from '../images/catalogue.js';
import { imageName } from '../images/image.js';
import { type Pagemap, PE_PRESENT } from '../images/pagemap.js';
import { PAGE_SIZE } from '../support/brand.js';
import { CheckpointError } from '../support/errors.js';
import type { PageFacts, PagemapImage } from './page-facts.js';
import { type Inspection, problemOf, type Report } from './problems.js';
import type { AddressRange, MemoryFacts } from './verify-memory.js';

export function verifyPages(
  inspection: Inspection,
  pages: PageFacts,
  { privateRanges, sharedBytes }: MemoryFacts,
): void {
  const reader = new PageReader(inspection, pages);
  for (const [pid, ranges] of privateRanges) {
    const memory = inspection.set.get(IMAGES.IDS, pid)?.vm_id;
    reader.read(IMAGES.PAGEMAP, pid, { ranges, outside: 'outside of private memory', memory });
  }
  for (const [shmid, size] of sharedBytes) {
    const ranges = [{ start: 0, end: size }];
    const outside = `outside of the ${size} bytes that the object has`;
    if (shmid > 0n) {
      reader.read(IMAGES.SHMEM_PAGEMAP, shmid, { ranges, outside, memory: undefined });
    }
  }
}

interface Bounds {
  ranges: readonly AddressRange[];
  outside: string;
  /** Processes with the same number share their memory, and so its pages. */
  memory: number | undefined;
}

class PageReader {
  private readonly inspection: Inspection;
  private readonly pages: PageFacts;
  /** By N of pages-N.img: the pagemap that refers to it. */
  private readonly owners = new Map<number, { file: string; memory: number | undefined }>();

  constructor(inspection: Inspection, pages: PageFacts) {
    this.inspection = inspection;
    this.pages = pages;
  }

  read(image: PagemapImage, id: number | bigint, bounds: Bounds): void {
    const file = image.pattern.replace('%lu', String(id));
    const report = this.inspection.in(file);
    try {
      const use = (pagemap: Pagemap): void => this.verify(pagemap, { file, bounds, report });
      if (!this.pages.withPagemap(image, file, use)) report(undefined, 'is missing');
    } catch (error) {
      // A run that cannot be read, or is out of order: what follows it means nothing.
      if (!(error instanceof CheckpointError) || error.code !== 'image') throw error;
      this.inspection.problems.push(problemOf(file, error));
    }
  }

  private verify(
    { pagesId, runs, runOffset }: Pagemap,
    { file, bounds, report }: { file: string; bounds: Bounds; report: Report },
  ): void {
    const pagesFile = imageName(IMAGES.PAGES, pagesId);
    const owner = this.owners.get(pagesId);
    const { memory } = bounds;
    if (owner !== undefined && (memory === undefined || owner.memory !== memory)) {
      report(undefined, `refers to ${pagesFile}, which is ${owner.file}'s`);
    }
    this.owners.set(pagesId, { file, memory });
    let present = 0;
    let at = 0;
    for (const { vaddr, pageCount, flags } of runs) {
      const end = vaddr + pageCount * PAGE_SIZE;
      if (flags & PE_PRESENT) present += end - vaddr;
      // Runs and ranges are both in address order: neither is gone through twice.
      while ((bounds.ranges[at]?.end ?? Number.POSITIVE_INFINITY) <= vaddr) at++;
      const range = bounds.ranges[at];
      if (!range || vaddr < range.start || end > range.end) {
        const name = `the run 0x${vaddr.toString(16)}-0x${end.toString(16)}`;
        report({ name, offset: runOffset() }, `lies ${bounds.outside}`);
      }
    }
    const length = this.pages.pagesLength(pagesId);
    if (present > 0 && length === undefined) report(undefined, `needs ${pagesFile}: it is missing`);
    if (length !== undefined && length < present) {
      this.inspection.in(pagesFile)(
        undefined,
        `has ${length} bytes; ${file} says that ${present} are there`,
      );
    }
  }
}
