/** The checkpoints that fuzzing begins with: the captured ones, with page contents where they are not at hand. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGES, identifyImage } from '../../src/images/catalogue.js';
import { readPagemap } from '../../src/images/pagemap.js';
import { goldenFolder, goldenSets } from '../support/golden.js';
import { readerOf } from '../support/memory-store.js';
import type { Files } from './mutate.js';

export function corpus(): Files[] {
  return goldenSets.map((set) => {
    const folder = goldenFolder(set);
    const names = readdirSync(folder).filter((name) => identifyImage(name) !== undefined);
    const files: Files = new Map(
      names.map((name) => [name, Uint8Array.from(readFileSync(join(folder, name)))]),
    );
    for (const name of names) addPages(files, name);
    return files;
  });
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
