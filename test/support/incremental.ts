/**
 * Makes a checkpoint incremental after the fact: its pages are spread over parents, in turn. Whatever a level holds in
 * vain, because a later one has the page itself, is filled with a pattern that no test program expects.
 */
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FolderStore } from '../../src/folder/store.js';
import { IMAGES, identifyImage } from '../../src/images/catalogue.js';
import { imageName } from '../../src/images/image.js';
import { PagemapWriter, PE_PARENT, PE_PRESENT, readPagemap } from '../../src/images/pagemap.js';
import type { PagemapKind } from '../../src/images/parents.js';
import type { ImageReader } from '../../src/images/store.js';
import { defined } from '../../src/support/assert.js';

const PAGE = 4096;
const STALE = new Uint8Array(PAGE).fill(0xee);

/** Page i of a pagemap comes to level i % `levels`: 0 is the checkpoint itself, 1 its parent. */
export function makeIncremental(imagesDir: string, levels: number): void {
  const source = new FolderStore(imagesDir);
  const whole = new FolderStore(`${imagesDir}-whole`);
  mkdirSync(whole.name);
  const folders = [source];
  for (let level = 1; level < levels; level++) {
    const folder = `${imagesDir}-parent-${level}`;
    mkdirSync(folder);
    symlinkSync(folder, join(folders[level - 1]?.name ?? '', 'parent'));
    folders.push(new FolderStore(folder));
  }
  for (const name of source.list().sort()) {
    const found = identifyImage(name);
    const kind = [IMAGES.PAGEMAP, IMAGES.SHMEM_PAGEMAP].find(({ key }) => key === found?.image.key);
    if (!kind) continue;
    const pagemap = moved(source, whole, name);
    const { pagesId, runs } = readPagemap(kind, pagemap, name);
    const pages = moved(source, whole, imageName(IMAGES.PAGES, pagesId));
    const out = folders.map((store, level) => levelWriter(store, kind, { name, pagesId, level }));
    let index = 0;
    for (const { vaddr, pageCount, pagesOffset } of runs) {
      for (let i = 0; i < pageCount; i++, index++) {
        const from = defined(pagesOffset, `${name} is incremental already`) + i * PAGE;
        const content = pages.read(from, PAGE);
        for (const add of out) add.page(vaddr + i * PAGE, index % levels, content);
      }
    }
    for (const add of out) add.finish();
    pagemap.close();
    pages.close();
  }
}

function moved(from: FolderStore, to: FolderStore, name: string): ImageReader {
  renameSync(join(from.name, name), join(to.name, name));
  return defined(to.open(name), `${name} was moved`);
}

interface LevelWriter {
  page(vaddr: number, owner: number, content: Uint8Array): void;
  finish(): void;
}

function levelWriter(
  store: FolderStore,
  kind: PagemapKind,
  { name, pagesId, level }: { name: string; pagesId: number; level: number },
): LevelWriter {
  // Other numbers than the child's: a level's page files are found by its own pagemaps.
  const id = pagesId + 100 * level;
  const pagemap = new PagemapWriter(kind, store.create(name), id);
  const pages = store.create(imageName(IMAGES.PAGES, id));
  return {
    page(vaddr, owner, content) {
      const flags = level < owner ? PE_PARENT : PE_PRESENT;
      pagemap.add({ vaddr, pageCount: 1, flags });
      if (flags === PE_PRESENT) pages.write(level === owner ? content : STALE);
    },
    finish() {
      pagemap.finish();
      pages.finish();
    },
  };
}
