/**
 * Pages of incremental checkpoints. A run that says PE_PARENT is looked up in the folder behind the `parent` link, by
 * address, and there possibly again. All levels are in address order, so they are read side by side, each once: memory
 * is a run per level. Links that lead in a circle, or on for ever, are image errors.
 */
import { PAGE_SIZE } from '../support/brand.js';
import { type CheckpointError, imageError } from '../support/errors.js';
import { IMAGES } from './catalogue.js';
import { imageName } from './image.js';
import { PE_PARENT, PE_PRESENT, readPagemap, type StoredRun } from './pagemap.js';
import type { ImageReader, ImageStore } from './store.js';

export type PagemapKind = typeof IMAGES.PAGEMAP | typeof IMAGES.SHMEM_PAGEMAP;

/** A store that knows which checkpoint it builds on. */
export interface ParentedStore extends ImageStore {
  /** The same for every way to one folder. */
  identity(): string;
  /** Undefined when it is not incremental; an image error when the link leads nowhere. */
  parent(): ParentedStore | undefined;
}

/** More iterations than any migration makes. */
export const LEVELS_MAX = 1024;

/** A checkpoint and those that it builds on, itself first. */
export function parentChain(store: ParentedStore): ParentedStore[] {
  const chain = [store];
  const seen = new Set([store.identity()]);
  for (let next = store.parent(); next; next = next.parent()) {
    const identity = next.identity();
    if (seen.has(identity)) throw chainError(next, 'the links to parent images make a circle');
    if (chain.length === LEVELS_MAX) {
      throw chainError(next, `there are more than ${LEVELS_MAX} levels of parent images`);
    }
    seen.add(identity);
    chain.push(next);
  }
  return chain;
}

const chainError = ({ name }: ParentedStore, what: string): CheckpointError =>
  imageError(what, { object: name, remedy: "correct the 'parent' links" });

/** Where the content of pages lies. */
export interface PagePlace {
  /** 0: the checkpoint itself; 1: its parent, and so on. */
  readonly level: number;
  /** 'pages-1.img'. */
  readonly file: string;
  /** In bytes. */
  readonly offset: number;
}

/** Consecutive pages whose content lies together. */
export interface ResolvedRun {
  readonly vaddr: number;
  readonly pageCount: number;
  /** Of the checkpoint itself: PE_PARENT, PE_LAZY, PE_PRESENT. */
  readonly flags: number;
  /** Undefined for lazy pages that are in no image. */
  readonly place: PagePlace | undefined;
}

/** The pagemap of one level, gone through once. */
class Level {
  readonly index: number;
  readonly file: string;
  readonly pagesFile: string;
  private readonly reader: ImageReader;
  private readonly runs: Generator<StoredRun, void>;
  private current: StoredRun | undefined;

  constructor(
    reader: ImageReader,
    kind: PagemapKind,
    { index, file }: { index: number; file: string },
  ) {
    this.index = index;
    this.file = file;
    this.reader = reader;
    const { pagesId, runs } = readPagemap(kind, reader, file);
    this.pagesFile = imageName(IMAGES.PAGES, pagesId);
    this.runs = runs;
  }

  /** The parts of runs between two addresses; each call begins where the one before ended, or later. */
  *between(start: number, end: number): Generator<StoredRun, void> {
    for (;;) {
      while (this.current === undefined || endOf(this.current) <= start) {
        const next = this.runs.next();
        if (next.done) return;
        this.current = next.value;
      }
      const run = this.current;
      if (run.vaddr >= end) return;
      yield clip(run, start, end);
      if (endOf(run) >= end) return;
      start = endOf(run);
    }
  }

  close(): void {
    this.reader.close();
  }
}

const endOf = ({ vaddr, pageCount }: StoredRun): number => vaddr + pageCount * PAGE_SIZE;

function clip(run: StoredRun, start: number, end: number): StoredRun {
  const from = Math.max(run.vaddr, start);
  const to = Math.min(endOf(run), end);
  const { pagesOffset } = run;
  return {
    vaddr: from,
    pageCount: (to - from) / PAGE_SIZE,
    flags: run.flags,
    pagesOffset: pagesOffset === undefined ? undefined : pagesOffset + from - run.vaddr,
  };
}

/** The levels at which a pagemap exists; a level without one has none of the task's pages. */
function openLevels(
  chain: readonly ParentedStore[],
  kind: PagemapKind,
  id: number,
): (Level | undefined)[] {
  const file = imageName(kind, id);
  const levels: (Level | undefined)[] = [];
  try {
    for (const [index, store] of chain.entries()) {
      const reader = store.open(file);
      levels.push(reader && new Level(reader, kind, { index, file }));
    }
  } catch (error) {
    for (const level of levels) level?.close();
    throw error;
  }
  return levels;
}

/**
 * Every saved page of a task (`kind` PAGEMAP, its pid) or a shared object (SHMEM_PAGEMAP, its id), in address order, with
 * the place of its content at whatever level. An image error names the page that no level has.
 */
export function* resolvePages(
  chain: readonly ParentedStore[],
  kind: PagemapKind,
  id: number,
): Generator<ResolvedRun, void> {
  const levels = openLevels(chain, kind, id);
  try {
    yield* resolve(levels, 0, { start: 0, end: Number.POSITIVE_INFINITY });
  } finally {
    for (const level of levels) level?.close();
  }
}

function* resolve(
  levels: readonly (Level | undefined)[],
  index: number,
  { start, end }: { start: number; end: number },
): Generator<ResolvedRun, void> {
  const level = levels[index];
  if (!level) return;
  for (const run of level.between(start, end)) {
    const { vaddr, pageCount, flags, pagesOffset } = run;
    if (!(flags & PE_PARENT)) {
      yield { vaddr, pageCount, flags, place: placeOf(level, pagesOffset) };
      continue;
    }
    let at = vaddr;
    for (const inner of resolve(levels, index + 1, { start: vaddr, end: endOf(run) })) {
      if (inner.vaddr !== at) break;
      yield { ...inner, flags };
      at += inner.pageCount * PAGE_SIZE;
    }
    if (at !== endOf(run)) {
      throw imageError(
        `page 0x${at.toString(16)} is said to be in the parent images, which do not have it`,
        { object: level.file, remedy: 'copy the parent checkpoint that belongs to this one' },
      );
    }
  }
}

const placeOf = ({ index, pagesFile }: Level, offset: number | undefined): PagePlace | undefined =>
  offset === undefined ? undefined : { level: index, file: pagesFile, offset };

/** A part of a page file whose content a later checkpoint has saved anew. */
export interface Superseded extends PagePlace {
  readonly length: number;
}

/**
 * What the parents hold in vain once this checkpoint is the one to restore: every page that it has itself. Levels are
 * followed as far as they have the page, be it as content or as a reference.
 */
export function* supersededPages(
  chain: readonly ParentedStore[],
  kind: PagemapKind,
  id: number,
): Generator<Superseded, void> {
  const levels = openLevels(chain, kind, id);
  try {
    const [first] = levels;
    for (const run of first?.between(0, Number.POSITIVE_INFINITY) ?? []) {
      if (run.flags & PE_PRESENT) yield* superseded(levels, 1, run);
    }
  } finally {
    for (const level of levels) level?.close();
  }
}

function* superseded(
  levels: readonly (Level | undefined)[],
  index: number,
  newer: StoredRun,
): Generator<Superseded, void> {
  const level = levels[index];
  for (const run of level?.between(newer.vaddr, endOf(newer)) ?? []) {
    const place = placeOf(level as Level, run.pagesOffset);
    if (place) yield { ...place, length: run.pageCount * PAGE_SIZE };
    if (run.flags & (PE_PARENT | PE_PRESENT)) yield* superseded(levels, index + 1, run);
  }
}

/** Pages by address: an index of runs in memory, contents read when they are asked for. */
export class PageReader {
  private readonly chain: readonly ParentedStore[];
  private readonly index: readonly ResolvedRun[];
  private readonly readers = new Map<string, ImageReader>();

  /** See `resolvePages` for `kind` and `id`. */
  constructor(chain: readonly ParentedStore[], kind: PagemapKind, id: number) {
    this.chain = chain;
    this.index = [...resolvePages(chain, kind, id)];
  }

  /** All saved pages, in address order. */
  runs(): readonly ResolvedRun[] {
    return this.index;
  }

  /**
   * The run that holds an address, or the next one above it; undefined above the last. Runs do not overlap.
   */
  runAt(address: number): ResolvedRun | undefined {
    let [low, high] = [0, this.index.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { vaddr, pageCount } = this.index[middle] as ResolvedRun;
      if (vaddr + pageCount * PAGE_SIZE <= address) low = middle + 1;
      else high = middle;
    }
    return this.index[low];
  }

  /** Fills `bytes` with saved memory from `address` on; false, with zeros in the gaps, where pages are not saved. */
  readInto(bytes: Uint8Array, address: number): boolean {
    let isWhole = true;
    bytes.fill(0);
    for (let at = address; at < address + bytes.length; ) {
      const run = this.runAt(at);
      const left = address + bytes.length - at;
      if (!run || run.vaddr > at) {
        isWhole = false;
        at += run ? Math.min(left, run.vaddr - at) : left;
        continue;
      }
      const skipped = at - run.vaddr;
      const count = Math.min(left, run.pageCount * PAGE_SIZE - skipped);
      if (run.place === undefined) isWhole = false;
      else bytes.set(this.readPlace(run.place, skipped, count), at - address);
      at += count;
    }
    return isWhole;
  }

  private readPlace(
    { level, file, offset }: PagePlace,
    skipped: number,
    count: number,
  ): Uint8Array {
    const key = `${level} ${file}`;
    let reader = this.readers.get(key);
    if (!reader) {
      const store = this.chain[level] as ParentedStore;
      reader = store.open(file);
      if (!reader) throw imageError('the image is missing', { object: `${store.name}/${file}` });
      this.readers.set(key, reader);
    }
    const from = offset + skipped;
    if (from + count > reader.size) {
      throw imageError(
        `byte ${from}: ${count} bytes of pages are needed, the image has ${reader.size}`,
        {
          object: file,
          remedy: 'the image is damaged or cut off: take it from its source again',
        },
      );
    }
    return reader.read(from, count);
  }

  close(): void {
    for (const reader of this.readers.values()) reader.close();
    this.readers.clear();
  }
}
