/**
 * A folder of images by Node's own file calls, for tools that run without the FFI: crit, show, verify, coredump and the
 * images library. Follows the `parent` link of incremental checkpoints. Every call is checked.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { ImageReader, ImageStore, ImageWriter } from '../images/store.js';
import { assert } from '../support/assert.js';
import { type CheckpointError, imageError, refused } from '../support/errors.js';

const BUFFER_BYTES = 1 << 16;

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on the file system',
  EDQUOT: 'raise the disk quota',
  EROFS: 'choose a folder that can be written',
  EACCES: 'give this user access',
  ENOENT: 'check the name',
  ENOTDIR: 'name a folder',
};

/** A file call that failed, as an error that names path, call and errno; other errors as they are. */
export function fileError(error: unknown, object: string, syscall: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('errno' in error)) return error;
  const errno = String(error.code);
  const remedy = REMEDIES[errno];
  const what = `${syscall}: ${errno}`;
  return refused(what, { object, syscall, errno, cause: error, ...(remedy && { remedy }) });
}

export function checked<T>(object: string, syscall: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, object, syscall);
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** An open regular file, read at any offset. */
export class FileReader implements ImageReader {
  /** In bytes, when it was opened. */
  readonly size: number;
  private readonly fd: number;
  private readonly path: string;
  private isOpen = true;

  constructor(fd: number, size: number, path: string) {
    this.fd = fd;
    this.size = size;
    this.path = path;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.readInto(bytes, offset);
    return bytes;
  }

  /** Fills `bytes` from `offset` on; an image error when the file ends before. */
  readInto(bytes: Uint8Array, offset: number): void {
    assert(this.isOpen, `${this.path} is read after it was closed`);
    const { length } = bytes;
    for (let got = 0; got < length; ) {
      const count = checked(this.path, 'read', () =>
        readSync(this.fd, bytes, got, length - got, offset + got),
      );
      if (count === 0) throw ended(this.path, offset + got, this.size);
      got += count;
    }
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    checked(this.path, 'close', () => closeSync(this.fd));
  }
}

const ended = (path: string, at: number, size: number): CheckpointError =>
  imageError(`the image ends at byte ${at}, not ${size}`, {
    object: path,
    remedy: 'something else changes the image: copy it first',
  });

/** Opens a regular file; undefined when there is none of that name. */
export function openFile(path: string): FileReader | undefined {
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO in an image's place must not hold us up.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, path, 'open');
  }
  try {
    const stat = checked(path, 'fstat', () => fstatSync(fd));
    if (!stat.isFile()) throw imageError('the image is not a regular file', { object: path });
    return new FileReader(fd, stat.size, path);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Writes to a descriptor, gathering small pieces; `close` is told how it ended. */
export class FileWriter implements ImageWriter {
  private readonly fd: number;
  private readonly path: string;
  private readonly done: (complete: boolean) => void;
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private buffered = 0;
  private written = 0;
  private isOpen = true;

  constructor(fd: number, path: string, done: (complete: boolean) => void) {
    this.fd = fd;
    this.path = path;
    this.done = done;
  }

  get position(): number {
    return this.written + this.buffered;
  }

  write(bytes: Uint8Array): void {
    assert(this.isOpen, `${this.path} is written after it was closed`);
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
      const count = checked(this.path, 'write', () => writeSome(this.fd, bytes.subarray(done)));
      done += count;
      this.written += count;
    }
  }

  finish(): void {
    this.flush();
    this.isOpen = false;
    this.done(true);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.done(false);
  }
}

/** How many bytes were written. A pipe that another program made non-blocking is waited for: its reader makes room. */
function writeSome(fd: number, bytes: Uint8Array): number {
  for (;;) {
    try {
      return writeSync(fd, bytes);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/** The name under which an image is written before it is complete. */
const draftOf = (path: string): string => `${path}.new`;

/**
 * A new file at `path`, private to its owner; it takes the place of an older one only when it is complete, so that an
 * edit that fails leaves what was there.
 */
export function createFile(path: string): FileWriter {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const draft = draftOf(path);
  const fd = checked(path, 'open', () =>
    openSync(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600),
  );
  return new FileWriter(fd, path, (complete) => {
    checked(path, 'close', () => closeSync(fd));
    if (complete) checked(path, 'rename', () => renameSync(draft, path));
    else checked(path, 'unlink', () => unlinkSync(draft));
  });
}

/** The name of the link to the checkpoint that an incremental one builds on. */
export const PARENT_LINK = 'parent';

export class FolderStore implements ImageStore {
  /** The folder's path. */
  readonly name: string;

  constructor(folder: string) {
    this.name = folder;
  }

  list(): string[] {
    return checked(this.name, 'readdir', () => readdirSync(this.name));
  }

  open(name: string): FileReader | undefined {
    return openFile(this.pathOf(name));
  }

  create(name: string): FileWriter {
    return createFile(this.pathOf(name));
  }

  /** When a file of the folder was last written, in milliseconds since 1970; undefined when it is not there. */
  modifiedMs(name: string): number | undefined {
    const path = this.pathOf(name);
    return checked(path, 'stat', () => statSync(path, { throwIfNoEntry: false })?.mtimeMs);
  }

  /** The same for every path to one folder. */
  identity(): string {
    const { dev, ino } = checked(this.name, 'stat', () => statSync(this.name, { bigint: true }));
    return `${dev}:${ino}`;
  }

  /** The folder of the parent images; undefined when there is no link, an image error when it leads nowhere. */
  parent(): FolderStore | undefined {
    const path = this.pathOf(PARENT_LINK);
    if (!this.list().includes(PARENT_LINK)) return undefined;
    try {
      if (statSync(path).isDirectory()) return new FolderStore(path);
    } catch (error) {
      if (!isMissing(error)) throw fileError(error, path, 'stat');
    }
    throw imageError('the link to the parent images leads to no folder', {
      object: path,
      remedy: 'copy the parent checkpoint, too, to where the link points',
    });
  }

  private pathOf(name: string): string {
    assert(name !== '' && !name.includes('/'), `'${name}' is not an image's name`);
    return `${this.name}/${name}`;
  }
}
