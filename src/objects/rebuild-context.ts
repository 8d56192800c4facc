/** What a restore hands to objects while it compiles the plan: the images, the tracks, and facts of this host. */
import type { ImageSet } from '../images/directory.js';
import type { core_entry, task_kobj_ids_entry } from '../images/messages/core.js';
import type { mm_entry } from '../images/messages/mm.js';
import type { pstree_entry } from '../images/messages/pstree.js';
import type { reg_file_entry } from '../images/messages/regfile.js';
import type { ParentedStore } from '../images/parents.js';
import type { MessageValue } from '../images/schema.js';
import type { Mapping } from '../linux/procfs/maps.js';
import type { Outside } from '../plan/birth-order.js';
import type { Plan, TrackTask } from '../plan/plan.js';
import type { Owners } from '../plan/shared-tables.js';
import type { Track } from '../plan/track.js';
import type { Terminals } from './files/tty/terminals.js';
import type { RestoreObjectOptions } from './options.js';
import type { KernelPort } from './ports.js';

export type CoreEntry = MessageValue<typeof core_entry>;
export type MmEntry = MessageValue<typeof mm_entry>;
export type IdsEntry = MessageValue<typeof task_kobj_ids_entry>;
export type PstreeEntry = MessageValue<typeof pstree_entry>;
export type RegFileEntry = MessageValue<typeof reg_file_entry>;

export interface ThreadRebuild {
  vtid: number;
  core: CoreEntry;
  track: Track;
  /** Its final registers are set here, by the registers object. */
  task: TrackTask;
  isLeader: boolean;
  process: ProcessRebuild;
}

export interface ProcessRebuild {
  vpid: number;
  /** The comm in its core image, for errors. */
  comm: string;
  pstree: PstreeEntry;
  core: CoreEntry;
  ids: IdsEntry;
  mm: MmEntry;
  /** The leader's track: it does all that belongs to the process. */
  track: Track;
  /** The leader first. */
  threads: ThreadRebuild[];
  /** Who does what belongs to a table that it may share with others: the first of them. */
  owner: Record<keyof Owners, ProcessRebuild>;
}

/** Whether the process does what belongs to this table. */
export const owns = (process: ProcessRebuild, table: keyof Owners): boolean =>
  process.owner[table] === process;

/** Open files by their id in files.img, for all that is not a descriptor: mappings, the executable, directories. */
export interface FileRebuild {
  /**
   * A temporary descriptor, on the process's own track, of the file behind a reg_file_entry, opened with `flags` (by
   * default, those of the entry). Made in 'make', usable from 'memory' to 'task state'; asked for at any time before
   * `finish`. The track stays at the stage it was at.
   */
  use(process: ProcessRebuild, fileId: number, flags?: number): number;
  /** The same of an image file, e.g. 'pages-1.img' or 'parent/pages-1.img', for pread and preadv: its position is shared by all. */
  image(process: ProcessRebuild, name: string): number;
  /**
   * A new description of the file behind an entry, opened with `flags`, at a temporary descriptor; in the current stage,
   * 'make'. By its name, or by what stands for that.
   */
  open(process: ProcessRebuild, entry: RegFileEntry, flags: number): number;
  /**
   * A temporary descriptor, on the process's own track, of what woodfrog was handed as descriptor `fd`; as `use`. It
   * shares the description with the caller.
   */
  handedIn(process: ProcessRebuild, fd: number): number;
  /** The descriptors that the process gets in 'descriptors', by number: the ids of files, and their FD_* flags. */
  tableOf(process: ProcessRebuild): ReadonlyMap<number, { id: number; flags: number }>;
  /** In 'fill': a temporary descriptor of a description in the process's table, or that one of its own `needs`. */
  temporary(process: ProcessRebuild, fileId: number): number;
  /** Who makes the description behind an entry, and its temporary descriptor there, until the end of 'task state'. */
  made(fileId: number): { maker: ProcessRebuild; fd: number };
  /** The reg_file_entry of this id. */
  named(fileId: number): RegFileEntry;
  /** Closes all temporary descriptors, last in 'task state'. Call once, when every object has added its steps. */
  finish(): void;
}

/** What woodfrog offers to host steps while the plan runs. */
export interface HostStepPort extends KernelPort {
  /** pidfd_getfd: an open file description of a task, as a descriptor of ours, until `drop`. `pid` is one of ours. */
  take(pid: number, fd: number): number;
  drop(fd: number): void;
  /** Our own pid for a vpid of the tree. */
  pidOf(vpid: number): number;
  /** Waits (bounded) until these helpers and zombies have ended. */
  waitEnded(vpids: readonly number[]): void;
}

export interface RestoreContext extends RebuildInputs {
  files: FileRebuild;
}

/** vvar and vdso as ARCH_MAP_VDSO_32 maps them, one behind the other. */
export interface Vdso32 {
  /** Where they were when they were looked at. */
  mappings: readonly Mapping[];
  /** Of the vdso. */
  bytes: Uint8Array;
}

/** All but the files, which are rebuilt first. */
export interface RebuildInputs {
  images: ImageSet;
  /** Those of the images, and what stands for them here. */
  terminals: Terminals;
  /** The session and group of the saved tree whose leaders are not in it: they become woodfrog's own. */
  outside: Outside | undefined;
  /** For what the set does not hold: pagemaps, page contents. */
  store: ParentedStore;
  plan: Plan<HostStepPort>;
  /** Live processes, parents before children. */
  processes: ProcessRebuild[];
  /** What the user allows. */
  options: RestoreObjectOptions;
  /** Descriptors of ours that the user hands in, by what they stand for: 'pipe[4711]'. */
  inherited: ReadonlyMap<string, number>;
  /** For facts of this host; no lasting effects. */
  port: KernelPort;
  /** The mappings of every puppet before 'memory': its code, stack, vvar, vdso. */
  puppetMappings: readonly Mapping[];
  /** The kernel's pages for 32-bit code; undefined where no process runs such. */
  vdso32?: Vdso32 | undefined;
  /** A descriptor that every puppet has: woodfrog's own pidfd, for pidfd_getfd of `hostFd`s. Above all saved numbers. */
  controlFd: number;
  /** Opens an image in woodfrog's own table and says its number there (for pidfd_getfd by a puppet). */
  hostImageFd(name: string): number;
  /** So many pidfds, in woodfrog's own table, of one process that has ended; of another one at each call. */
  hostEndedPidfds(count: number): number[];
  /** A file in /proc of a process that had this pid and is gone, opened while it was there, in woodfrog's own table. */
  hostGoneFile(at: { pid: number; name: string; flags: number; pos: bigint }): number;
}
