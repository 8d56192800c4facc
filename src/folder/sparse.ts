/** A new file with holes, written front to back: what a core file is. It appears only when it is complete. */
import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { checked } from './store.js';

export interface SparseFile {
  write(bytes: Uint8Array): void;
  /** As many zeros, which take no room. */
  skip(length: number): void;
  /** The file is complete, and takes its name. */
  finish(): void;
  /** Gives up a file that is not finished; after `finish`, nothing. */
  close(): void;
}

/** Memory of a program is its owner's alone: mode 0600. */
export function createSparse(path: string): SparseFile {
  const draft = `${path}.new`;
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
  const fd = checked(draft, 'open', () => openSync(draft, flags, 0o600));
  let at = 0;
  let isOpen = true;
  return {
    write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const count = checked(path, 'write', () =>
          writeSync(fd, bytes, done, bytes.length - done, at),
        );
        done += count;
        at += count;
      }
    },
    skip(length) {
      at += length;
    },
    finish() {
      checked(path, 'ftruncate', () => ftruncateSync(fd, at));
      isOpen = false;
      checked(path, 'close', () => closeSync(fd));
      checked(path, 'rename', () => renameSync(draft, path));
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      closeSync(fd);
      unlinkSync(draft);
    },
  };
}
