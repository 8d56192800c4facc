/**
 * Images in a folder, by host calls, so that every open, write, fsync and close is checked, counted and can be made to
 * fail by test/faults. The folder is opened once and all names are relative to it: it may be renamed meanwhile.
 * It is the image store that images/ describes; host/ imports nothing from there, so the shapes are repeated here.
 */
import { ENOENT, ENOTDIR, errnoName } from '../linux/errno.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { close, fsync, openat, pread64, pwrite64, unlinkat } from '../linux/syscalls/files.js';
import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  S_IFMT,
  S_IFREG,
} from '../linux/uapi/fcntl.js';
import { assert } from '../support/assert.js';
import { type CheckpointError, imageError, refused } from '../support/errors.js';
import { attemptReadDir, fstat } from './files.js';
import { type Host, retryInterrupted } from './host.js';

/** Writes smaller than this are gathered. */
const BUFFER_BYTES = 1 << 16;
/** To begin with: most images are small, and there are thousands. */
const FIRST_BUFFER_BYTES = 1 << 11;
/** What one call reads or writes at most: what the arena holds meanwhile. */
const CALL_BYTES = 1 << 20;
/** Finished images that wait for fsync; each holds a descriptor. */
const UNSYNCED_MAX = 128;
/** The name of the link to the checkpoint that an incremental one builds on. */
const PARENT_LINK = 'parent';
/** Its presence makes a folder a checkpoint. */
const INVENTORY = 'inventory.img';
/** Images hold memory: nobody else's to read. */
const IMAGE_MODE = 0o600;

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC:
    'No space left: make room on the file system of the images, or choose another folder by --images-dir',
  EDQUOT: 'raise the disk quota, or choose another folder by --images-dir',
  EFBIG: 'raise the limit on file sizes (ulimit -f), or choose another file system by --images-dir',
  EROFS: 'choose a folder that can be written, by --images-dir',
  EACCES: 'give this user access to the folder, or choose another by --images-dir',
  ENOENT: 'create the folder, or name another by --images-dir',
  ENOTDIR: 'name a folder by --images-dir',
  ELOOP: 'remove the symbolic link: images are not written through one',
  EMFILE: 'raise the limit on open files (ulimit -n)',
};

/** A failed call on an image, as an error that names path, call and errno. */
function refusal(result: number, object: string, syscall: string): CheckpointError {
  const errno = errnoName(-result);
  const remedy = REMEDIES[errno];
  return refused(`${syscall}: ${errno}`, { object, syscall, errno, ...(remedy && { remedy }) });
}

/** An open image: host, descriptor and path travel together. */
class OpenFile {
  readonly host: Host;
  readonly fd: number;
  readonly path: string;
  private isOpen = true;

  constructor(host: Host, fd: number, path: string) {
    this.host = host;
    this.fd = fd;
    this.path = path;
  }

  check(result: number, syscall: string): number {
    if (result < 0) throw refusal(result, this.path, syscall);
    return result;
  }

  assertOpen(): void {
    assert(this.isOpen, `${this.path} is used after it was closed`);
  }

  sync(): void {
    this.assertOpen();
    const result = retryInterrupted(() => this.host.attempt(fsync, { fd: this.fd }));
    this.check(result, 'fsync');
  }

  /** Delayed write errors may show only here (NFS, quotas). */
  close(): void {
    if (this.isOpen) this.check(this.abandon(), 'close');
  }

  /** Closes; the result, or -errno, is the caller's to look at. Never again: the number may be another file's by then. */
  abandon(): number {
    if (!this.isOpen) return 0;
    this.isOpen = false;
    return this.host.attempt(close, { fd: this.fd });
  }
}

export class HostImageReader {
  /** In bytes, when it was opened. */
  readonly size: number;
  private readonly file: OpenFile;

  constructor(file: OpenFile, size: number) {
    this.file = file;
    this.size = size;
  }

  /** Exactly `length` bytes, the caller's to keep; an image error when the image has become shorter. */
  read(offset: number, length: number): Uint8Array {
    const { file } = this;
    file.assertOpen();
    const { host, fd } = file;
    const bytes = new Uint8Array(length);
    const mark = host.arena.mark;
    const chunk = host.arena.alloc(Math.min(length, CALL_BYTES), 16);
    try {
      for (let got = 0; got < length; ) {
        const count = Math.min(length - got, chunk.length);
        const result = retryInterrupted(() =>
          host.attempt(pread64, { fd, buf: chunk, count, offset: offset + got }),
        );
        if (file.check(result, 'pread64') === 0) throw this.shrunk(offset + got);
        bytes.set(chunk.bytes.subarray(0, result), got);
        got += result;
      }
    } finally {
      host.arena.release(mark);
    }
    return bytes;
  }

  private shrunk(end: number): CheckpointError {
    return imageError(`the image ends at byte ${end}, not ${this.size}`, {
      object: this.file.path,
      remedy: 'something else changes the image: copy it first',
    });
  }

  close(): void {
    this.file.close();
  }
}

export class HostImageWriter {
  private readonly file: OpenFile;
  private readonly finished: (file: OpenFile) => void;
  private buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  private buffered = 0;
  private written = 0;
  private isFinished = false;

  constructor(file: OpenFile, finished: (file: OpenFile) => void) {
    this.file = file;
    this.finished = finished;
  }

  /** How many bytes the image has so far. */
  get position(): number {
    return this.written + this.buffered;
  }

  /**
   * For others that append at `position`, by calls that take an offset (the descriptor's own stays 0). All that was
   * written here is in the file. They say how much it was by `skip`.
   */
  get fd(): number {
    this.flush();
    return this.file.fd;
  }

  /** `length` bytes at `position` were written through `fd`. */
  advance(length: number): void {
    this.flush();
    this.written += length;
  }

  write(bytes: Uint8Array): void {
    assert(!this.isFinished, `${this.file.path} is written after it was finished`);
    this.file.assertOpen();
    if (this.buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length >= BUFFER_BYTES) {
      this.writeOut(bytes);
      return;
    }
    this.reserve(this.buffered + bytes.length);
    this.buffer.set(bytes, this.buffered);
    this.buffered += bytes.length;
  }

  private reserve(length: number): void {
    if (length <= this.buffer.length) return;
    const grown = new Uint8Array(Math.min(BUFFER_BYTES, Math.max(length, this.buffer.length * 4)));
    grown.set(this.buffer.subarray(0, this.buffered));
    this.buffer = grown;
  }

  private flush(): void {
    const bytes = this.buffer.subarray(0, this.buffered);
    this.buffered = 0;
    this.writeOut(bytes);
  }

  private writeOut(bytes: Uint8Array): void {
    const { file } = this;
    const { host, fd } = file;
    for (let done = 0; done < bytes.length; ) {
      const buf = bytes.subarray(done, done + CALL_BYTES);
      const call = { fd, buf, count: buf.length, offset: this.written };
      const result = retryInterrupted(() => host.attempt(pwrite64, call));
      // A file system that takes nothing and says no errno would hold us for ever.
      if (result === 0) throw refused('pwrite64 wrote nothing', { object: file.path });
      file.check(result, 'pwrite64');
      done += result;
      this.written += result;
    }
  }

  /** Makes the image complete: everything written, checked and closed, or kept for `sync`. */
  finish(): void {
    this.flush();
    this.isFinished = true;
    this.finished(this.file);
  }

  /** Gives up an image that is not finished; after `finish`, nothing. What made it so is the error to report. */
  close(): void {
    if (!this.isFinished) this.file.abandon();
  }
}

const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

export class HostImageStore implements Disposable {
  /** The folder's path, for errors. */
  readonly name: string;
  /** The images created here, in order. */
  readonly created: string[] = [];
  private readonly host: Host;
  private readonly folder: OpenFile;
  private readonly durable: boolean;
  private unsynced: OpenFile[] = [];
  private readonly lent = new Map<string, OpenFile>();
  private parentStore: HostImageStore | undefined;

  /** With `sync`, images become durable by `sync()`. A folder that is open already becomes the store's. */
  constructor(host: Host, folder: string, { sync, opened }: { sync: boolean; opened?: number }) {
    this.host = host;
    this.name = folder;
    this.durable = sync;
    this.folder =
      opened === undefined
        ? this.openFile(AT_FDCWD, { name: folder, path: folder, flags: FOLDER_FLAGS })
        : new OpenFile(host, opened, folder);
  }

  /** The same for every way to one folder. */
  identity(): string {
    this.folder.assertOpen();
    const { dev, ino } = fstat(this.host, this.folder.fd);
    return `${dev}:${ino}`;
  }

  /**
   * The checkpoint that this one builds on, disposed of together with this one. Undefined when it is not incremental;
   * an image error when the link leads nowhere.
   */
  parent(): HostImageStore | undefined {
    if (this.parentStore) return this.parentStore;
    this.folder.assertOpen();
    const path = this.pathOf(PARENT_LINK);
    const args = { dirfd: this.folder.fd, pathname: PARENT_LINK, flags: FOLDER_FLAGS, mode: 0 };
    const fd = retryInterrupted(() => this.host.attempt(openat, args));
    if (fd === -ENOENT && !this.list().includes(PARENT_LINK)) return undefined;
    if (fd === -ENOENT || fd === -ENOTDIR) {
      throw imageError('the link to the parent images leads to no folder', {
        object: path,
        remedy: 'copy the parent checkpoint, too, to where the link points',
      });
    }
    if (fd < 0) throw refusal(fd, path, 'openat');
    this.parentStore = new HostImageStore(this.host, path, { sync: false, opened: fd });
    return this.parentStore;
  }

  /** The names of all files there. */
  list(): string[] {
    this.folder.assertOpen();
    const names = attemptReadDir(this.host, `/proc/self/fd/${this.folder.fd}`);
    if (typeof names === 'number') throw refusal(names, this.name, 'getdents64');
    return names;
  }

  /** Undefined when there is no such image. */
  open(name: string): HostImageReader | undefined {
    const found = this.openRegular(name);
    return found && new HostImageReader(found.file, found.size);
  }

  /**
   * A descriptor of an image, open for reading until the store is disposed of; the same one each time. An image error
   * when there is no such image. 'parent/pages-1.img' is the parent's, and so on.
   */
  fdOf(name: string): number {
    if (name.startsWith(`${PARENT_LINK}/`)) {
      const parent = this.parent();
      if (parent) return parent.fdOf(name.slice(PARENT_LINK.length + 1));
    }
    const known = this.lent.get(name);
    if (known) return known.fd;
    const found = this.openRegular(name);
    if (!found) {
      throw imageError('the image is missing', {
        object: name,
        remedy: 'copy all files of the checkpoint, and name its folder by --images-dir',
      });
    }
    this.lent.set(name, found.file);
    return found.file.fd;
  }

  /**
   * Before the first `create` of a checkpoint: an earlier one's inventory goes, so that a folder that is half old and
   * half new is never taken for a checkpoint; and then what else of it `isStale` names, or it would pass for the new one's.
   */
  begin(isStale?: (name: string) => boolean): void {
    this.remove(INVENTORY);
    if (!isStale) return;
    for (const name of this.list()) if (isStale(name)) this.remove(name);
  }

  private remove(name: string): void {
    const result = this.unlink(name);
    if (result < 0 && result !== -ENOENT) throw refusal(result, this.pathOf(name), 'unlinkat');
  }

  /** An image of pages: appended to by others, at `position` of `fd`. */
  createPages(name: string): HostImageWriter {
    return this.create(name);
  }

  /** A new, empty image; one of that name is replaced. */
  create(name: string): HostImageWriter {
    // What the inventory vouches for must not become durable after it.
    if (name === INVENTORY) this.sync();
    // O_NONBLOCK: a FIFO in the image's place fails instead of waiting for a reader.
    const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const file = this.openFile(this.folder.fd, { name, path: this.pathOf(name), flags });
    this.created.push(name);
    return new HostImageWriter(file, (finished) => this.keep(finished));
  }

  /** A finished image: with `sync` it stays open, as only its own descriptor is sure to be told of failed writes. */
  private keep(file: OpenFile): void {
    if (!this.durable) {
      file.close();
      return;
    }
    this.unsynced.push(file);
    if (this.unsynced.length >= UNSYNCED_MAX) this.syncFiles();
  }

  private syncFiles(): void {
    for (const file of this.unsynced) file.sync();
    for (const file of this.unsynced) file.close();
    this.unsynced = [];
  }

  /** Makes every finished image and its name durable; nothing when the store was made without `sync`. */
  sync(): void {
    if (!this.durable) return;
    this.syncFiles();
    this.folder.sync();
  }

  /** Takes away every image that was created here, the inventory first. Best effort: it never throws. */
  discard(): void {
    const names = this.created.splice(0);
    if (names.includes(INVENTORY)) this.unlink(INVENTORY);
    for (const name of names) if (name !== INVENTORY) this.unlink(name);
  }

  /** Closes the folder, its parents, and what `fdOf` and `sync` held open. */
  [Symbol.dispose](): void {
    this.parentStore?.[Symbol.dispose]();
    this.parentStore = undefined;
    for (const file of [...this.lent.values(), ...this.unsynced]) file.abandon();
    this.lent.clear();
    this.unsynced = [];
    this.folder.abandon();
  }

  private unlink(name: string): number {
    return this.host.attempt(unlinkat, { dirfd: this.folder.fd, pathname: name, flags: 0 });
  }

  private openRegular(name: string): { file: OpenFile; size: number } | undefined {
    const path = this.pathOf(name);
    // O_NONBLOCK: a FIFO in an image's place must not hold us up.
    const flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
    const pathname = { dirfd: this.folder.fd, pathname: name, flags, mode: 0 };
    const fd = retryInterrupted(() => this.host.attempt(openat, pathname));
    if (fd === -ENOENT) return undefined;
    if (fd < 0) throw refusal(fd, path, 'openat');
    const file = new OpenFile(this.host, fd, path);
    try {
      const { mode, size } = fstat(this.host, fd);
      if ((mode & S_IFMT) === S_IFREG) return { file, size };
      throw imageError('the image is not a regular file', { object: path });
    } catch (error) {
      file.abandon();
      throw error;
    }
  }

  private openFile(
    dirfd: number,
    { name, path, flags }: { name: string; path: string; flags: number },
  ): OpenFile {
    const args = { dirfd, pathname: name, flags, mode: IMAGE_MODE };
    const fd = retryInterrupted(() => this.host.attempt(openat, args));
    if (fd < 0) throw refusal(fd, path, 'openat');
    return new OpenFile(this.host, fd, path);
  }

  private pathOf(name: string): string {
    assert(name !== '' && !name.includes('/'), `'${name}' is not an image's name`);
    return `${this.name}/${name}`;
  }
}
