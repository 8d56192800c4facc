/**
 * Images in a folder, by Node's synchronous file calls: a restore or dump awaits nothing. Every read, write, sync and
 * close is checked. Files are made private (0600) and remembered, so that a dump that fails can take them away again.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { assert } from '../support/assert.js';
import { type CheckpointError, imageError, refused } from '../support/errors.js';
import { IMAGES } from './catalogue.js';
import { imageName } from './image.js';
import type { ImageReader, ImageStore, ImageWriter } from './store.js';

/** Writes smaller than this are gathered. */
const BUFFER_BYTES = 1 << 16;

const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;

/** A file call that failed, as an error that names file, call and errno. */
function refusal(error: unknown, object: string, syscall: string): CheckpointError {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  const remedies: Record<string, string> = {
    ENOSPC: 'make room on the file system of the images',
    EDQUOT: 'raise the disk quota, or choose another folder by --images-dir',
    EROFS: 'choose a folder that can be written, by --images-dir',
    EACCES: 'give this user access to the folder, or choose another by --images-dir',
    ENOENT: 'create the folder, or name another by --images-dir',
    ELOOP: 'remove the symbolic link: images are not written through one',
  };
  const remedy = remedies[errno];
  return refused(`${syscall}: ${errno}`, {
    object,
    syscall,
    errno,
    cause: error,
    ...(remedy && { remedy }),
  });
}

function checked<T>(object: string, syscall: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw refusal(error, object, syscall);
  }
}

export class NodeImageReader implements ImageReader {
  readonly size: number;
  /** For calls that read the image without us. */
  readonly fd: number;
  private readonly path: string;
  private open = true;

  constructor(fd: number, size: number, path: string) {
    this.fd = fd;
    this.size = size;
    this.path = path;
  }

  read(offset: number, length: number): Uint8Array {
    assert(this.open, `${this.path} is read after it was closed`);
    const bytes = new Uint8Array(length);
    for (let got = 0; got < length; ) {
      const count = checked(this.path, 'read', () =>
        readSync(this.fd, bytes, got, length - got, offset + got),
      );
      if (count === 0) {
        throw imageError(`the image ends at byte ${offset + got}, not ${this.size}`, {
          object: this.path,
          remedy: 'something else changes the image: copy it first',
        });
      }
      got += count;
    }
    return bytes;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    checked(this.path, 'close', () => closeSync(this.fd));
  }
}

export class NodeImageWriter implements ImageWriter {
  private readonly path: string;
  private readonly sync: boolean;
  private readonly file: number;
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private buffered = 0;
  private written = 0;
  private open = true;

  constructor(fd: number, path: string, sync: boolean) {
    this.file = fd;
    this.path = path;
    this.sync = sync;
  }

  get position(): number {
    return this.written + this.buffered;
  }

  /** For a call that appends to the image without us: everything written so far is in the file. Tell `advance`. */
  get fd(): number {
    this.flush();
    return this.file;
  }

  /** `length` bytes were appended at `position` through `fd`. */
  advance(length: number): void {
    this.flush();
    this.written += length;
  }

  write(bytes: Uint8Array): void {
    assert(this.open, `${this.path} is written after it was closed`);
    if (this.buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      this.writeOut(bytes);
      return;
    }
    this.buffer.set(bytes, this.buffered);
    this.buffered += bytes.length;
  }

  private flush(): void {
    const bytes = this.buffer.subarray(0, this.buffered);
    this.buffered = 0;
    this.writeOut(bytes);
  }

  private writeOut(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = checked(this.path, 'write', () =>
        writeSync(this.file, bytes, done, bytes.length - done, this.written),
      );
      done += count;
      this.written += count;
    }
  }

  finish(): void {
    this.flush();
    if (this.sync) checked(this.path, 'fsync', () => fsyncSync(this.file));
    this.open = false;
    checked(this.path, 'close', () => closeSync(this.file));
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    // An image that is given up: whatever made it so is the error to report.
    try {
      closeSync(this.file);
    } catch {}
  }
}

export interface NodeStoreOptions {
  /** Make every image durable when it is finished, and the folder in `syncFolder`. */
  sync?: boolean;
}

export class NodeImageStore implements ImageStore {
  readonly name: string;
  private readonly folder: string;
  private readonly sync: boolean;
  private readonly created = new Set<string>();

  /** `folder` is a path, or a descriptor of the folder, which must stay open. */
  constructor(folder: string | number, { sync = false }: NodeStoreOptions = {}) {
    this.folder = typeof folder === 'number' ? `/proc/self/fd/${folder}` : folder;
    this.name = this.folder;
    this.sync = sync;
  }

  list(): string[] {
    return checked(this.folder, 'readdir', () => readdirSync(this.folder));
  }

  open(name: string): NodeImageReader | undefined {
    const path = this.pathOf(name);
    let fd: number;
    try {
      // O_NONBLOCK: a FIFO in an image's place must not hold us up.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw refusal(error, path, 'open');
    }
    try {
      const stat = checked(path, 'fstat', () => fstatSync(fd));
      if (!stat.isFile()) throw imageError('the image is not a regular file', { object: path });
      return new NodeImageReader(fd, stat.size, path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  create(name: string): NodeImageWriter {
    const path = this.pathOf(name);
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const fd = checked(path, 'open', () =>
      openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600),
    );
    this.created.add(name);
    return new NodeImageWriter(fd, path, this.sync);
  }

  /** Removes an earlier checkpoint's inventory, so that what is written next is none until it is complete. */
  removeInventory(): void {
    this.unlink(imageName(IMAGES.INVENTORY, undefined));
  }

  /** Removes every image that was created here, the inventory first. */
  removeCreated(): void {
    const inventory = imageName(IMAGES.INVENTORY, undefined);
    if (this.created.delete(inventory)) this.unlink(inventory);
    for (const name of this.created) this.unlink(name);
    this.created.clear();
  }

  /** Makes the names in the folder durable; does nothing without `sync`. */
  syncFolder(): void {
    if (!this.sync) return;
    const fd = checked(this.folder, 'open', () => openSync(this.folder, constants.O_RDONLY));
    try {
      checked(this.folder, 'fsync', () => fsyncSync(fd));
    } finally {
      closeSync(fd);
    }
  }

  private unlink(name: string): void {
    const path = this.pathOf(name);
    try {
      unlinkSync(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw refusal(error, path, 'unlink');
    }
  }

  private pathOf(name: string): string {
    assert(name !== '' && !name.includes('/'), `'${name}' is not an image's name`);
    return `${this.folder}/${name}`;
  }
}
