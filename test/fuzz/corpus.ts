/** The checkpoints that fuzzing begins with: the captured ones, with page contents where they are not at hand. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGES, identifyImage } from '../../src/images/catalogue.js';
import { writeImage } from '../../src/images/directory.js';
import { readEntries } from '../../src/images/framing.js';
import { readPagemap } from '../../src/images/pagemap.js';
import { goldenFolder, goldenSets } from '../support/golden.js';
import { memoryStore, readerOf } from '../support/memory-store.js';
import type { Files } from './mutate.js';

export function corpus(): Files[] {
  return goldenSets.map((set) => {
    const folder = goldenFolder(set);
    const names = readdirSync(folder).filter((name) => identifyImage(name) !== undefined);
    const files: Files = new Map(
      names.map((name) => [name, Uint8Array.from(readFileSync(join(folder, name)))]),
    );
    for (const name of names) {
      addPages(files, name);
      disarmTimers(files, name);
    }
    return files;
  });
}

/** Timers cannot be restored yet: disarmed, the rest of the checkpoint is. */
function disarmTimers(files: Files, name: string): void {
  const found = identifyImage(name);
  const bytes = files.get(name);
  if (found?.image.key !== IMAGES.CORE.key || !bytes) return;
  const store = memoryStore();
  const entries = [...readEntries(IMAGES.CORE, readerOf(bytes), name)].map(({ value }) => ({
    value,
  }));
  for (const { value } of entries) {
    const { timers } = value.tc ?? {};
    if (!timers) continue;
    timers.posix = [];
    for (const timer of [timers.real, timers.virt, timers.prof]) {
      Object.assign(timer, { isec: 0, iusec: 0, vsec: 0, vusec: 0 });
    }
  }
  writeImage(store, name, IMAGES.CORE, entries);
  files.set(name, store.files.get(name) ?? bytes);
}

/** A page file as long as a pagemap says. */
function addPages(files: Files, name: string): void {
  const kind = [IMAGES.PAGEMAP, IMAGES.SHMEM_PAGEMAP].find(
    ({ key }) => key === identifyImage(name)?.image.key,
  );
  const bytes = files.get(name);
  if (!kind || !bytes) return;
  const { pagesId, runs } = readPagemap(kind, readerOf(bytes), name);
  const file = `pages-${pagesId}.img`;
  if (files.has(file)) return;
  const length = [...runs].reduce((sum, { pageCount }) => sum + pageCount * 4096, 0);
  files.set(file, new Uint8Array(length).fill(7));
}
