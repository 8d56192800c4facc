/**
 * Page images that are written later: while a tree that goes on stands still, its pages are put into a memory file of ours,
 * and the images are made when it runs again. To create a file takes longer than to copy a small process. One process after
 * another; what does not fit is written to its image at once.
 */

import { errnoName } from '../linux/errno.js';
import { close, memfdCreate, sendfile } from '../linux/syscalls/files.js';
import { setU64 } from '../support/bytes.js';
import { refused } from '../support/errors.js';
import { type Host, retryInterrupted } from './host.js';
import type { HostImageStore } from './image-store.js';

/** The memory that it may take, the kernel's and ours. */
const SPOOL_BYTES = 64 * 1024 * 1024;
const MFD_CLOEXEC = 1;

/** The image, once there is one. */
interface Spooled {
  name: string;
  /** Bytes at `start` of the memory file, or chunks. */
  start: number;
  length: number;
  chunks: Uint8Array[];
}

export class Spool implements Disposable {
  readonly #host: Host;
  readonly #images: Spooled[] = [];
  #fd = -1;
  #end = 0;
  #room = SPOOL_BYTES;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Whether there is room for a process with so many bytes; it is taken then. */
  takes(bytes: number): boolean {
    if (bytes > this.#room) return false;
    this.#room -= bytes;
    return true;
  }

  /** For pages: written by others at `position` of `fd`. To be finished before the next one begins. */
  createPages(name: string): SpooledPages {
    if (this.#fd < 0)
      this.#fd = this.#host.call(memfdCreate, { name: 'pages', flags: MFD_CLOEXEC });
    const image: Spooled = { name, start: this.#end, length: 0, chunks: [] };
    this.#images.push(image);
    const grow = (length: number): void => {
      image.length += length;
      this.#end += length;
    };
    return new SpooledPages(this.#fd, image, grow);
  }

  /** For a pagemap: kept as it is. */
  create(name: string): SpooledImage {
    const image: Spooled = { name, start: 0, length: 0, chunks: [] };
    this.#images.push(image);
    return new SpooledImage(image);
  }

  /** Makes the images. */
  writeTo(store: HostImageStore): void {
    for (const image of this.#images.splice(0)) {
      const writer = store.create(image.name);
      try {
        for (const chunk of image.chunks) writer.write(chunk);
        if (image.length > 0) this.#copy(image, writer.fd);
        writer.finish();
      } finally {
        writer.close();
      }
    }
  }

  #copy({ name, start, length }: Spooled, fd: number): void {
    using scope = this.#host.scope();
    const offset = scope.alloc(8);
    for (let done = 0; done < length; ) {
      setU64(this.#host.arena.view, this.#host.arena.at(offset.address), start + done);
      const args = { out_fd: fd, in_fd: this.#fd, offset, count: length - done };
      const count = retryInterrupted(() => this.#host.attempt(sendfile, args));
      if (count <= 0) throw failure(name, count);
      done += count;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) this.#host.attempt(close, { fd: this.#fd });
    this.#fd = -1;
  }
}

function failure(name: string, result: number) {
  const errno = result === 0 ? 'no progress' : errnoName(-result);
  return refused(`writing pages failed: sendfile: ${errno}`, {
    object: name,
    syscall: 'sendfile',
    errno,
    remedy: 'make room on the file system of the images, or choose another by --images-dir',
  });
}

class SpooledPages {
  readonly fd: number;
  readonly #image: Spooled;
  readonly #grow: (length: number) => void;

  constructor(fd: number, image: Spooled, grow: (length: number) => void) {
    this.fd = fd;
    this.#image = image;
    this.#grow = grow;
  }

  get position(): number {
    return this.#image.start + this.#image.length;
  }

  advance(length: number): void {
    this.#grow(length);
  }

  finish(): void {}

  close(): void {}
}

class SpooledImage {
  readonly #image: Spooled;
  position = 0;

  constructor(image: Spooled) {
    this.#image = image;
  }

  /** The bytes are not copied. */
  write(bytes: Uint8Array): void {
    this.#image.chunks.push(bytes);
    this.position += bytes.length;
  }

  finish(): void {}

  close(): void {}
}
