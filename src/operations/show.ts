/** `woodfrog show DIR`: what a checkpoint holds. Looks at images only. */
import { summarizeTasks } from '../checkpoint/summary.js';
import { FolderStore } from '../folder/store.js';
import { IMAGES, identifyImage } from '../images/catalogue.js';
import { missingImage, readImageSet } from '../images/directory.js';
import { imageName } from '../images/image.js';
import { fd_types } from '../images/messages/fdinfo.js';
import { type ParentedStore, parentChain, resolvePages } from '../images/parents.js';
import { enumName } from '../images/schema.js';
import type { ImagesOptions } from '../options/image-types.js';
import { PAGE_SIZE } from '../support/brand.js';
import { within } from '../support/errors.js';
import type { ShownCheckpoint } from './image-types.js';

const PSTREE = imageName(IMAGES.PSTREE, undefined);
const INVENTORY = imageName(IMAGES.INVENTORY, undefined);

export function show({ imagesDir }: ImagesOptions): ShownCheckpoint {
  return within({ doing: 'show' }, () => {
    const store = new FolderStore(imagesDir);
    const set = readImageSet(store);
    if (set.many(IMAGES.PSTREE).length === 0) throw missingImage(PSTREE);
    const chain = parentChain(store);
    const made = store.modifiedMs(INVENTORY);
    const [uts] = set.ids(IMAGES.UTSNS);
    return {
      folder: imagesDir,
      madeAt: made === undefined ? undefined : new Date(made).toISOString(),
      host: uts === undefined ? undefined : set.get(IMAGES.UTSNS, uts)?.nodename,
      uptimeMs: set.get(IMAGES.INVENTORY)?.dump_uptime,
      parentCount: chain.length - 1,
      ...sizes(store),
      tasks: summarizeTasks(set, (pid) => savedBytes(chain, pid)),
      fileTypes: countTypes(set.many(IMAGES.FILES)),
    };
  });
}

function savedBytes(chain: readonly ParentedStore[], pid: number): number {
  let pages = 0;
  for (const { pageCount, place } of resolvePages(chain, IMAGES.PAGEMAP, pid)) {
    if (place) pages += pageCount;
  }
  return pages * PAGE_SIZE;
}

function sizes(store: FolderStore): { imageCount: number; imageBytes: number; pageBytes: number } {
  const found = { imageCount: 0, imageBytes: 0, pageBytes: 0 };
  for (const name of store.list()) {
    const image = identifyImage(name)?.image;
    const reader = image && store.open(name);
    if (!reader) continue;
    reader.close();
    found.imageCount++;
    found.imageBytes += reader.size;
    if (image.key === IMAGES.PAGES.key) found.pageBytes += reader.size;
  }
  return found;
}

function countTypes(files: readonly { readonly type: number }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of files) {
    const name = enumName(fd_types, type) ?? String(type);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
