/** Images in memory: an image store for tests. */

import type { ImageReader, ImageStore, ImageWriter } from '../../src/images/store.js';
import { concat } from '../../src/support/bytes.js';

export const readerOf = (bytes: Uint8Array): ImageReader => ({
  size: bytes.length,
  read: (offset, length) => bytes.slice(offset, offset + length),
  close: () => {},
});

export interface MemoryStore extends ImageStore {
  readonly files: Map<string, Uint8Array>;
  /** Names in the order in which they were finished. */
  readonly finished: string[];
}

export function memoryStore(initial: Iterable<[string, Uint8Array]> = []): MemoryStore {
  const files = new Map(initial);
  const finished: string[] = [];
  function create(name: string): ImageWriter {
    const parts: Uint8Array[] = [];
    let position = 0;
    files.set(name, new Uint8Array(0));
    return {
      get position() {
        return position;
      },
      write(bytes) {
        parts.push(bytes.slice());
        position += bytes.length;
      },
      finish() {
        files.set(name, concat(parts));
        finished.push(name);
      },
      close: () => {},
    };
  }
  return {
    name: 'memory',
    files,
    finished,
    list: () => [...files.keys()],
    open(name) {
      const bytes = files.get(name);
      return bytes && readerOf(bytes);
    },
    create,
  };
}
