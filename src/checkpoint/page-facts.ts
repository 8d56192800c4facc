/** Pages of a checkpoint as verification sees them: their index, one run at a time, and how large page files are. */
import { IMAGES } from '../images/catalogue.js';
import { imageName } from '../images/image.js';
import { type Pagemap, readPagemap } from '../images/pagemap.js';
import type { ImageStore } from '../images/store.js';

export type PagemapImage = typeof IMAGES.PAGEMAP | typeof IMAGES.SHMEM_PAGEMAP;

export interface PageFacts {
  /** Calls `use` with a pagemap; false when there is no such image. Throws an image error where it is broken. */
  withPagemap(image: PagemapImage, file: string, use: (pagemap: Pagemap) => void): boolean;
  /** The size of `pages-N.img` in bytes; undefined when there is none. */
  pagesLength(pagesId: number): number | undefined;
}

export const storedPages = (store: ImageStore): PageFacts => ({
  withPagemap(image, file, use) {
    const reader = store.open(file);
    if (!reader) return false;
    try {
      use(readPagemap(image, reader, file));
    } finally {
      reader.close();
    }
    return true;
  },
  pagesLength(pagesId) {
    const reader = store.open(imageName(IMAGES.PAGES, pagesId));
    reader?.close();
    return reader?.size;
  },
});
