/** A core file of a saved task, from its images: debuggers open it as if the task had dumped core when it was saved. */
import { IMAGES } from '../images/catalogue.js';
import { type ImageSet, missingImage } from '../images/directory.js';
import { imageName } from '../images/image.js';
import { PageReader, type ParentedStore } from '../images/parents.js';
import { ANON_SHARED, AREA_MEMFD, AREA_SYSVIPC } from '../images/vma-status.js';
import { encodeCoreHead } from '../linux/elf/core-file.js';
import { PAGE_SIZE } from '../support/brand.js';
import { toNumber } from '../support/bytes.js';
import { usage, within } from '../support/errors.js';
import {
  type CoreOutput,
  coreSegments,
  type MappedPages,
  type Mm,
  type Vma,
  writeSegments,
} from './memory.js';
import { coreNotes, type Task } from './notes.js';

/** Arguments longer than this are not looked at: a core file has room for 80 bytes. */
const ARGS_BYTES_MAX = 4096;

/** The tasks a core file can be made of: those that have memory. */
export function coreTasks(set: ImageSet, pid: number | undefined): Task[] {
  const tasks = set.many(IMAGES.PSTREE);
  if (tasks.length === 0) throw missingImage(imageName(IMAGES.PSTREE, undefined));
  const living = tasks.filter((task) => set.get(IMAGES.MM, task.pid) !== undefined);
  if (pid === undefined) return living;
  const found = living.find((task) => task.pid === pid);
  if (found) return [found];
  throw usage(`There is no task ${pid} with memory in the checkpoint`, {
    remedy: `name one of ${living.map((task) => task.pid).join(', ')}`,
  });
}

/** Writes the core file of one task; its memory streams. Returns the file's length in bytes, holes included. */
export function writeCore(
  chain: readonly ParentedStore[],
  set: ImageSet,
  { task, output }: { task: Task; output: CoreOutput },
): number {
  const mm = set.require(IMAGES.MM, task.pid);
  const memory = new TaskMemory(chain, set, task.pid);
  try {
    return within({ doing: 'dump the core', pid: task.pid }, () => {
      const file = imageName(IMAGES.MM, task.pid);
      const segments = coreSegments(mm, (vma) => memory.pagesOf(vma), file);
      const notes = coreNotes({ set, task, mm, args: memory.args(mm) });
      const head = encodeCoreHead(notes, segments, PAGE_SIZE);
      output.write(head.bytes);
      writeSegments(segments, output);
      return head.length;
    });
  } finally {
    memory.close();
  }
}

/** The pages of a task's private memory and of the shared objects that it maps. */
class TaskMemory {
  private readonly chain: readonly ParentedStore[];
  private readonly own: PageReader;
  private readonly shared = new Map<number, PageReader>();
  private readonly memfds: ReadonlyMap<bigint, number>;

  constructor(chain: readonly ParentedStore[], set: ImageSet, pid: number) {
    this.chain = chain;
    this.own = new PageReader(chain, IMAGES.PAGEMAP, pid);
    const inodes = new Map(set.many(IMAGES.MEMFD_INODE).map((one) => [one.inode_id, one.shmid]));
    this.memfds = new Map(
      set.many(IMAGES.FILES).flatMap(({ id, memfd }) => {
        const shmid = memfd && inodes.get(memfd.inode_id);
        return shmid === undefined ? [] : [[BigInt(id), shmid]];
      }),
    );
  }

  pagesOf(vma: Vma): MappedPages | undefined {
    const shmid = this.sharedId(vma);
    if (shmid === undefined) return { pages: this.own, base: vma.start };
    let pages = this.shared.get(shmid);
    if (!pages) {
      pages = new PageReader(this.chain, IMAGES.SHMEM_PAGEMAP, shmid);
      this.shared.set(shmid, pages);
    }
    return { pages, base: vma.pgoff };
  }

  /** Undefined for private memory, and for shared files, whose content is not saved. */
  private sharedId({ status, shmid }: Vma): number | undefined {
    if (status & AREA_MEMFD) return this.memfds.get(shmid);
    const isOwn = (status & (ANON_SHARED | AREA_SYSVIPC)) === 0 || shmid > 0xffff_ffffn;
    return isOwn ? undefined : toNumber(shmid);
  }

  args({ mm_arg_start, mm_arg_end }: Mm): Uint8Array {
    const length = Math.min(ARGS_BYTES_MAX, Math.max(0, mm_arg_end - mm_arg_start));
    const bytes = new Uint8Array(length);
    this.own.readInto(bytes, mm_arg_start);
    return bytes;
  }

  close(): void {
    this.own.close();
    for (const pages of this.shared.values()) pages.close();
  }
}
