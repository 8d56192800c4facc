/** Incremental checkpoints in memory: a pagemap and page file per level, each page filled with a byte of its own. */
import { IMAGES } from '../../src/images/catalogue.js';
import { imageName } from '../../src/images/image.js';
import { PagemapWriter, PE_PRESENT } from '../../src/images/pagemap.js';
import type { PagemapKind, ParentedStore } from '../../src/images/parents.js';
import { type MemoryStore, memoryStore } from './memory-store.js';

export const PAGE = 4096;
/** Address of the first page, how many, PE_* flags. */
export type Run = readonly [vaddr: number, pageCount: number, flags: number];

export interface Made extends ParentedStore, MemoryStore {}

let count = 0;

/** A store with a parent. */
export function withParent(store: MemoryStore, parent?: () => ParentedStore | undefined): Made {
  const identity = `store ${count++}`;
  return { ...store, identity: () => identity, parent: () => parent?.() };
}

/** One level; `fill` tells its pages from those of other levels. */
export function level(
  runs: readonly Run[],
  {
    fill,
    parent,
    kind = IMAGES.PAGEMAP,
  }: { fill: number; parent?: ParentedStore; kind?: PagemapKind },
): Made {
  const store = memoryStore();
  const writer = new PagemapWriter(kind, store.create(imageName(kind, 1)), 7);
  const pages = store.create(imageName(IMAGES.PAGES, 7));
  for (const [vaddr, pageCount, flags] of runs) {
    writer.add({ vaddr, pageCount, flags });
    for (let i = 0; i < pageCount && flags & PE_PRESENT; i++) {
      pages.write(new Uint8Array(PAGE).fill(fill + vaddr / PAGE + i));
    }
  }
  writer.finish();
  pages.finish();
  return withParent(store, () => parent);
}
