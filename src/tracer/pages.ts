/**
 * Page contents into the images, in a dump: from a frozen task's memory, or from a shared object, through one reused
 * buffer into the page file, and the runs into the pagemap. Memory use is the same however large the program is.
 */
import type { Scope } from '../host/arena.js';
import { type Host, retryInterrupted, syscallError } from '../host/host.js';
import { errnoName } from '../linux/errno.js';
import { AT_FDCWD } from '../linux/syscall.js';
import { close, openat, pread64, pwrite64 } from '../linux/syscalls/files.js';
import { processVmReadv } from '../linux/syscalls/memory.js';
import { O_CLOEXEC, O_RDONLY } from '../linux/uapi/fcntl.js';
import { PAGE_SIZE } from '../support/brand.js';
import { getU64, setU64, viewOf } from '../support/bytes.js';
import { type CheckpointError, refused } from '../support/errors.js';
import { type Range, scanContent } from './page-scan.js';

/** An image that grows by calls of ours. */
export interface PageFile {
  readonly fd: number;
  readonly position: number;
  /** `length` bytes were written at `position`. */
  advance(length: number): void;
}

/** Takes runs in address order. */
export interface RunSink {
  add(run: { vaddr: number; pageCount: number; flags: number }): void;
}

export interface PageTarget {
  pages: PageFile;
  /** 'pages-1.img', for errors. */
  name: string;
  pagemap: RunSink;
  /** Called after each piece, with the bytes written since the last call. May throw, to end the work. */
  onProgress?(bytes: number): void;
}

/** Memory to save: see PageArea of the memory object. In address order. */
export interface SavedArea extends Range {
  /** PE_* of its runs. */
  flags: number;
  /** 'all': every page, whatever the page tables say. */
  pages: 'content' | 'all';
  /** Whether the task itself may read it. */
  readable: boolean;
}

/**
 * Small enough to stay in the processor's cache between the two copies. And a write of megabytes makes ext4 and tmpfs
 * ask for megabytes of neighbouring page cache at once, which are seldom at hand: with 16 MiB a copy of 256 MiB took
 * two to four times as long (Linux 6.18).
 */
export const PIECE = 256 << 10;
/** UIO_MAXIOV. */
const IOVECS = 1024;
const IOVEC_SIZE = 16;

/** Writes the pages of a frozen process; how many there are. */
export function writeProcessPages(
  host: Host,
  pid: number,
  areas: readonly SavedArea[],
  target: PageTarget,
): number {
  using scope = host.scope();
  using copier = new ProcessCopier(host, pid, new Pieces(host, scope, target));
  const ranges = areas.filter(({ pages }) => pages === 'content');
  const content = scanContent(host, { pid, ranges, scope });
  try {
    let next = content.next();
    for (const area of areas) {
      if (area.pages === 'all') {
        copier.add(area, area);
        continue;
      }
      while (!next.done && next.value.start < area.end) {
        copier.add(next.value, area);
        next = content.next();
      }
    }
    return copier.finish();
  } finally {
    content.return();
  }
}

/** Gathers neighbours into one run of the pagemap. */
export class RunWriter {
  readonly #sink: RunSink;
  #start = 0;
  #end = 0;
  #flags = 0;
  pageCount = 0;

  constructor(sink: RunSink) {
    this.#sink = sink;
  }

  add(start: number, end: number, flags: number): void {
    if (start !== this.#end || flags !== this.#flags) {
      this.flush();
      this.#start = start;
      this.#flags = flags;
    }
    this.#end = end;
  }

  flush(): void {
    const pageCount = (this.#end - this.#start) / PAGE_SIZE;
    if (pageCount > 0) this.#sink.add({ vaddr: this.#start, pageCount, flags: this.#flags });
    this.pageCount += pageCount;
    this.#start = this.#end;
  }
}

/** The reused buffer, and what has been put into it. */
export class Pieces {
  readonly target: PageTarget;
  readonly scope: Scope;
  readonly #host: Host;
  readonly #buffer: { address: number; length: number; bytes: Uint8Array };
  filled = 0;

  constructor(host: Host, scope: Scope, target: PageTarget) {
    this.#host = host;
    this.scope = scope;
    this.target = target;
    this.#buffer = scope.alloc(PIECE, PAGE_SIZE);
  }

  /** Where the next bytes belong. */
  get address(): number {
    return this.#buffer.address + this.filled;
  }

  get room(): number {
    return this.#buffer.length - this.filled;
  }

  /** Whether what has been filled is nothing but zeros. */
  get isZero(): boolean {
    const { buffer, byteOffset } = this.#buffer.bytes;
    return new BigUint64Array(buffer, byteOffset, this.filled / 8).every((word) => word === 0n);
  }

  /** What the last page of a file has beyond the file's end. */
  addZeros(length: number): void {
    if (this.room < length) this.write();
    this.#buffer.bytes.fill(0, this.filled, this.filled + length);
    this.filled += length;
  }

  /** Writes what has been filled. */
  write(): void {
    if (this.filled === 0) return;
    const { pages, name, onProgress } = this.target;
    for (let done = 0; done < this.filled; ) {
      const { fd, position } = pages;
      const buf = this.#buffer.address + done;
      const count = retryInterrupted(() =>
        this.#host.attempt(pwrite64, { fd, buf, count: this.filled - done, offset: position }),
      );
      if (count <= 0) throw writeFailure(name, count);
      pages.advance(count);
      done += count;
    }
    onProgress?.(this.filled);
    this.filled = 0;
  }
}

function writeFailure(name: string, result: number): CheckpointError {
  const errno = result === 0 ? 'no progress' : errnoName(-result);
  return refused(`writing pages failed: pwrite64: ${errno}`, {
    object: name,
    syscall: 'pwrite64',
    errno,
    remedy: 'make room on the file system of the images, or choose another by --images-dir',
  });
}

class ProcessCopier implements Disposable {
  readonly #host: Host;
  readonly #pid: number;
  readonly #runs: RunWriter;
  readonly #pieces: Pieces;
  /** One local iovec, then the remote ones. */
  readonly #iovecs: { address: number };
  readonly #view: DataView;
  #count = 0;
  #pending = 0;
  #mem = -1;

  constructor(host: Host, pid: number, pieces: Pieces) {
    this.#host = host;
    this.#pid = pid;
    const iovecs = pieces.scope.alloc((IOVECS + 1) * IOVEC_SIZE, IOVEC_SIZE);
    this.#iovecs = iovecs;
    this.#view = viewOf(iovecs.bytes);
    this.#runs = new RunWriter(pieces.target.pagemap);
    this.#pieces = pieces;
  }

  add({ start, end }: Range, { flags, readable }: SavedArea): void {
    this.#runs.add(start, end, flags);
    for (let at = start; at < end; ) {
      if (this.#pieces.room === this.#pending) this.#flush();
      const length = Math.min(end - at, this.#pieces.room - this.#pending);
      if (readable) this.#enqueue(at, length);
      else this.#readByMem(at, length);
      at += length;
    }
  }

  /** The number of pages written. */
  finish(): number {
    this.#flush();
    this.#runs.flush();
    return this.#runs.pageCount;
  }

  #enqueue(start: number, length: number): void {
    if (this.#count === IOVECS) this.#read();
    const at = (this.#count + 1) * IOVEC_SIZE;
    setU64(this.#view, at, start);
    setU64(this.#view, at + 8, length);
    this.#count += 1;
    this.#pending += length;
  }

  #flush(): void {
    this.#read();
    this.#pieces.write();
  }

  /** Copies what is enqueued into the buffer. */
  #read(): void {
    if (this.#count === 0) return;
    const { address } = this.#iovecs;
    setU64(this.#view, 0, this.#pieces.address);
    setU64(this.#view, 8, this.#pending);
    const done = this.#host.attempt(processVmReadv, {
      pid: this.#pid,
      local_iov: address,
      liovcnt: 1,
      remote_iov: address + IOVEC_SIZE,
      riovcnt: this.#count,
      flags: 0,
    });
    if (done !== this.#pending) throw this.#unreadable(done);
    this.#pieces.filled += this.#pending;
    this.#pending = 0;
    this.#count = 0;
  }

  /** The page at which a copy stopped, by name. */
  #unreadable(done: number): CheckpointError {
    if (done < 0 && errnoName(-done) !== 'EFAULT') {
      return syscallError('process_vm_readv', -done, `process_vm_readv of pid ${this.#pid}`);
    }
    let rest = Math.max(done, 0);
    for (let i = 1; i <= this.#count; i++) {
      const start = getU64(this.#view, i * IOVEC_SIZE);
      const length = getU64(this.#view, i * IOVEC_SIZE + 8);
      if (rest < length) return unreadablePage(start + rest);
      rest -= length;
    }
    return unreadablePage(0);
  }

  /** Memory the task itself may not read (PROT_NONE with content): through its mem file, as a debugger. */
  #readByMem(start: number, length: number): void {
    this.#read();
    if (this.#mem < 0) {
      this.#mem = this.#host.call(openat, {
        dirfd: AT_FDCWD,
        pathname: `/proc/${this.#pid}/mem`,
        flags: O_RDONLY | O_CLOEXEC,
        mode: 0,
      });
    }
    for (let done = 0; done < length; ) {
      const count = this.#host.attempt(pread64, {
        fd: this.#mem,
        buf: this.#pieces.address,
        count: length - done,
        offset: start + done,
      });
      if (count <= 0) throw unreadablePage(start + done);
      this.#pieces.filled += count;
      done += count;
    }
  }

  [Symbol.dispose](): void {
    if (this.#mem >= 0) this.#host.attempt(close, { fd: this.#mem });
  }
}

const unreadablePage = (address: number): CheckpointError =>
  refused('the page has content that cannot be read', {
    object: `page 0x${address.toString(16)}`,
    remedy:
      'it may be a guard page (MADV_GUARD_INSTALL): these are recognised from Linux 6.15 on; ' +
      'or memory that the machine has found broken',
  });
