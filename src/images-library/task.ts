/** A process of a checkpoint: registers, mappings, descriptors, memory. */
import { IMAGES } from '../images/catalogue.js';
import type { core_entry } from '../images/messages/core.js';
import type { file_entry } from '../images/messages/fdinfo.js';
import type { mm_entry } from '../images/messages/mm.js';
import type { pstree_entry } from '../images/messages/pstree.js';
import type { vma_entry } from '../images/messages/vma.js';
import { PageReader, type ParentedStore, type ResolvedRun } from '../images/parents.js';
import type { MessageValue } from '../images/schema.js';
import { FILE_PRIVATE, FILE_SHARED } from '../images/vma-status.js';
import { usage } from '../support/errors.js';
import type { Checkpoint } from './checkpoint.js';

export type CoreEntry = MessageValue<typeof core_entry>;
export type FileEntry = MessageValue<typeof file_entry>;
export type MmEntry = MessageValue<typeof mm_entry>;

/** A mapping, and the file behind it when there is one. */
export interface Mapping extends MessageValue<typeof vma_entry> {
  readonly path: string | undefined;
}

/** A number in a descriptor table. */
export interface Descriptor {
  readonly fd: number;
  /** FD_CLOEXEC or 0. */
  readonly flags: number;
  /** The open file; undefined when the images lack it. */
  readonly file: FileEntry | undefined;
}

interface Origin {
  readonly checkpoint: Checkpoint;
  readonly chain: readonly ParentedStore[];
  readonly files: ReadonlyMap<number, FileEntry>;
  readonly entry: MessageValue<typeof pstree_entry>;
}

/** No single reading is larger: memory is read in pieces. */
const READ_BYTES_MAX = 1 << 30;

export class Task {
  readonly pid: number;
  /** 0 for the root of the tree. */
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  /** The ids of its threads, its own first. */
  readonly threads: readonly number[];
  private readonly origin: Origin;
  private reader: PageReader | undefined;

  /** Use `Checkpoint.tasks`. */
  constructor(origin: Origin) {
    this.origin = origin;
    const { pid, ppid, pgid, sid, threads } = origin.entry;
    this.pid = pid;
    this.ppid = ppid;
    this.pgid = pgid;
    this.sid = sid;
    this.threads = threads;
  }

  /** Registers and state of a thread; of the process when none is named. */
  core(tid: number = this.pid): CoreEntry {
    return this.origin.checkpoint.entry(IMAGES.CORE, tid);
  }

  /** The name (comm) of the process. */
  get comm(): string {
    return this.core().tc?.comm ?? '';
  }

  /** The address space; undefined for a process that has ended. */
  memory(): MmEntry | undefined {
    const next = this.origin.checkpoint.entries(IMAGES.MM, this.pid).next();
    return next.done ? undefined : next.value.value;
  }

  mappings(): Mapping[] {
    const { files } = this.origin;
    const isFile = (status: number) => (status & (FILE_PRIVATE | FILE_SHARED)) !== 0;
    return (this.memory()?.vmas ?? []).map((vma) => ({
      ...vma,
      path: isFile(vma.status) ? files.get(Number(vma.shmid))?.reg?.name : undefined,
    }));
  }

  descriptors(): Descriptor[] {
    const { checkpoint, files } = this.origin;
    const next = checkpoint.entries(IMAGES.IDS, this.pid).next();
    const ids = next.done ? this.core().ids : next.value.value;
    if (!ids) return [];
    return [...checkpoint.entries(IMAGES.FDINFO, ids.files_id)].map(({ value }) => ({
      fd: value.fd,
      flags: value.flags,
      file: files.get(value.id),
    }));
  }

  /** The saved pages of its private memory, in address order, with where their content is. */
  pages(): readonly ResolvedRun[] {
    return this.pageReader().runs();
  }

  /**
   * Private memory from `address` on; zeros where no page is saved, and `isWhole` says whether that was so nowhere. At
   * most 1 GiB at once. Pages come from parent images where they are there.
   */
  read(address: number, length: number): { bytes: Uint8Array; isWhole: boolean } {
    if (!Number.isSafeInteger(length) || length < 0 || length > READ_BYTES_MAX) {
      throw usage(`${length} bytes cannot be read at once`, { remedy: 'read 1 GiB at most' });
    }
    const bytes = new Uint8Array(length);
    return { isWhole: this.pageReader().readInto(bytes, address), bytes };
  }

  /** Lets go of the page files that `read` opened. */
  close(): void {
    this.reader?.close();
    this.reader = undefined;
  }

  private pageReader(): PageReader {
    this.reader ??= new PageReader(this.origin.chain, IMAGES.PAGEMAP, this.pid);
    return this.reader;
  }
}
