/**
 * The contract of a kernel object: how it is recognised, what is observed, which image entry it becomes, and the
 * steps that bring it back. An object leaves out what it does not need; nobody else knows it by name.
 */
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import type { Image } from '../images/image.js';
import type { task_core_entry, thread_core_entry } from '../images/messages/core.js';
import type { thread_info_x86 } from '../images/messages/core-x86.js';
import type { file_entry } from '../images/messages/fdinfo.js';
import type { fs_entry } from '../images/messages/fs.js';
import type { mm_entry } from '../images/messages/mm.js';
import type { MessageValue } from '../images/schema.js';
import type { Content } from '../images/store.js';
import type { FeatureName } from '../linux/features.js';
import type { FdLink } from '../linux/procfs/fd-link.js';
import type { Fdinfo } from '../linux/procfs/fdinfo.js';
import type { Arguments, Params, Place, Syscall } from '../linux/syscall.js';
import type { TableIds } from '../plan/shared-tables.js';
import type { CheckpointError } from '../support/errors.js';
import type { Remap } from './files/ghost.js';
import type { MemfdSeen } from './files/memfd-inodes.js';
import type { RestoreObjectOptions } from './options.js';
import type { DumpPort, FileStat, KernelPort } from './ports.js';
import type {
  FileRebuild,
  ProcessRebuild,
  RebuildInputs,
  RegFileEntry,
  RestoreContext,
  ThreadRebuild,
} from './rebuild-context.js';

/** Calls to run inside the frozen task, on one tape with all other probes: one stop, not fifty. */
export interface ProbeTape {
  /** Whether it runs in threads of 32-bit code: what the kernel keeps apart for these is asked as they would. */
  readonly is32Bit: boolean;
  /** `result()` may be asked once the tape has run; a negative value is -errno and not an error by itself. */
  call<P extends Params>(call: Syscall<P>, args: Arguments<P>): { result(): number };
  /** Memory in the task for a call to fill; `read()` once the tape has run. */
  reserve(length: number): Place & { read(): Uint8Array };
}

/** Asks threads of one process, tape after tape, while all that are not asked stand still. */
export interface AskingWithin {
  /** `probe` is called twice, and must do the same both times. What it gives runs in all the threads at once. */
  program<T>(probe: (tape: ProbeTape) => () => T): (threads: readonly ThreadView[]) => T[];
  /** Lets the views know the signals that came meanwhile: a timer may have run off. */
  refreshPending(): void;
}

export interface TaskSubject {
  process: ProcessView;
  thread: ThreadView;
  /** Whether `thread` is the leader, or the first of those that live once the leader has ended. */
  isLeader: boolean;
}

/** What a task state contributes to the images of its task. Two states that claim one field are a bug. */
export interface TaskPatch {
  tc?: Partial<MessageValue<typeof task_core_entry>>;
  thread_core?: Partial<MessageValue<typeof thread_core_entry>>;
  thread_info?: Partial<MessageValue<typeof thread_info_x86>>;
  mm?: Partial<MessageValue<typeof mm_entry>>;
  fs?: Partial<MessageValue<typeof fs_entry>>;
}

export interface TaskState<Seen = unknown, Probed = unknown> {
  /** As a person knows it: 'signal actions', 'file locks'. */
  readonly name: string;
  /** 'process': asked once per process, through its leader. 'thread': once per thread, the leader's too. */
  readonly scope: 'process' | 'thread';
  /** Of the threads' states: a leader that has ended before the others still has it, or passes it on. */
  readonly ofEndedLeader?: true;
  /** The table it belongs to: processes may share one, and then the first of them alone brings it back. */
  readonly table?: keyof TableIds;
  /** Kernel features without which it cannot work; `check` probes them. */
  readonly requires?: readonly FeatureName[];
  /** What can be asked from outside. */
  observe?(port: DumpPort, subject: TaskSubject): Seen;
  /**
   * What takes several tapes, one after another, before the probes; what it returns takes the place of what was seen.
   * To be asked only of the few tasks that need it.
   */
  observeWithin?(within: AskingWithin, facts: TaskSubject & { seen: Seen }): Seen;
  /**
   * What can be asked only from within: puts calls on the tape; the returned function reads the answers. One tape serves
   * all tasks, and may run several times, when a signal came meanwhile that its answers may not know of. `own` is given
   * for a task that `probesAlone`, which has a tape of its own.
   */
  probe?(tape: ProbeTape, own: (TaskSubject & { seen: Seen }) | undefined): () => Probed;
  /** Whether what is asked of this task depends on the task, or on what was seen of it. */
  probesAlone?(facts: TaskSubject & { seen: Seen }): boolean;
  /** Whether it may queue signals to single threads while they stand still: then all queues are looked at again. */
  queuesSignals?(seen: Seen): boolean;
  /** Pure. Throws unsupported(...) for state that cannot be saved. */
  inspect?(facts: TaskSubject & { seen: Seen; probed: Probed }): TaskPatch;
  /** Pure: adds steps to the thread's track, each at its stage. For scope 'process' once, with the leader. */
  rebuild?(thread: ThreadRebuild, context: RestoreContext): void;
}

export const defineTaskState = <Seen = undefined, Probed = undefined>(
  state: TaskState<Seen, Probed>,
): TaskState => state as TaskState;

/** How an open file is told apart, as data: two kinds that claim one thing fail at start-up. */
export type FileDiscriminant =
  /** 'anon_inode:NAME', e.g. '[eventfd]', 'inotify'. */
  | { anonInode: string }
  /** The pseudo file system of a link like 'pipe:[123]': 'pipe', 'socket', 'net'. */
  | { pseudo: string }
  | { memfd: true }
  /** A file with a path, of this type (S_IFREG ...); for devices, this one or all with this major number. */
  | { fileType: number; device?: readonly [major: number, minor?: number] };

/** A file with a path. */
export interface NamedFile {
  name: string;
  /** Of the open file itself, not of whatever `name` leads to. */
  stat: FileStat;
  /** The ELF build-id, of executable mappings. */
  buildId?: readonly number[];
  /** Why opening `name` would not give this file, and nothing can be done about it. */
  obstacle?: CheckpointError;
  /** The file has lost this name: what stands for it. */
  remap?: Remap;
  /** Left out: `name` is what the user calls it, 'file[1b:230084]'. */
  isExternal?: boolean;
}

/** An open file description of the tree. */
export interface DescriptionView {
  /** The first process that holds it, and its lowest descriptor number there. */
  process: ProcessView;
  fd: number;
  /** The target of /proc/PID/fd/N, as read and taken apart. */
  target: string;
  link: FdLink;
  fdinfo: Fdinfo;
  stat: FileStat;
  /** For a link of kind 'path' or 'unreachable'. */
  named?: NamedFile;
}

/** A number in the table of a process, and what is behind it. */
export interface Holder {
  process: ProcessView;
  fd: number;
  description: DescriptionView;
}

/** The open files of the whole tree, for kinds that refer to others: the targets of an epoll instance. */
export interface TreeFiles {
  /** All processes, zombies too. */
  readonly processes: readonly ProcessView[];
  /** All descriptors, process by process in tree order, ascending; of a shared table once. */
  readonly holders: readonly Holder[];
  holdersOf(description: DescriptionView): readonly Holder[];
  /** Whoever has something under this number. */
  holdersAt(fd: number): readonly Holder[];
}

/** Ids as `inspect` needs them: each is new, and unique in the whole checkpoint. */
export interface FileIds {
  newFileId(): number;
  /** The reg_file_entry of a file with a path; what stands for a name that is gone is seen to. Throws its obstacle. */
  regEntry(named: NamedFile, at: { id: number; flags: number; pos: bigint }): RegFileEntry;
  /** The id of another open file, saved already or later. */
  idOf(description: DescriptionView): number;
  /** Adds a reg_file_entry of its own for a file with a path; throws its obstacle. Returns the id. */
  addNamed(named: NamedFile, description: { flags: number; pos: bigint; id?: number }): number;
  /** 32 bits for the pipe behind `key`, its inode number if that is free. */
  pipeId(key: string, inode: bigint): number;
  /** For the terminal behind `key`: the wanted one if that is free, or the next. */
  terminalId(key: string, wanted: number): number;
  /** The id in memfd.img of what is behind memfds and their mappings. */
  memfdInode(seen: MemfdSeen): number;
}

/** An entry of another image that a description needs: pipes-data of a pipe. One per `key`. */
export interface ResourceEntry {
  // biome-ignore lint/suspicious/noExplicitAny: an image of any message
  image: Image<any, 'many', undefined>;
  key: string;
  value: unknown;
  /** Streams when the images are written: the block 'extra'. */
  payload?: Content;
  /** Several blocks, by the names that the catalogue gives them. */
  blocks?: Readonly<Record<string, Content>>;
}

export interface ResourceBuild<Entry> {
  /** All descriptions of the resource that the tree uses. */
  entries: readonly Entry[];
  process: ProcessRebuild;
  context: RebuildInputs;
  files: FileRebuild;
}

export interface FileBuild<Entry, Made> {
  entry: Entry;
  /** Makes the description; others take it from there. */
  process: ProcessRebuild;
  /** What `make` returned for the entry's resource. */
  made: Made;
  context: RebuildInputs;
  files: FileRebuild;
}

/** A kind of open file description: one definition per kernel object. */
export interface FileKind<Entry = unknown, Seen = unknown, Made = unknown> {
  readonly name: string;
  /** One of fd_types. */
  readonly fdType: number;
  /** The field of file_entry that holds this kind's entry. */
  readonly unionField: keyof MessageValue<typeof file_entry>;
  readonly recognize: readonly FileDiscriminant[];
  /** Kernel features without which it cannot work; `check` probes them. */
  readonly requires?: readonly FeatureName[];
  /** Its device number says what it is: the name need not lead to it any more. */
  readonly isDevice?: true;

  /** Descriptions with the same key are observed together: both ends of a pipe. */
  groupOf?(description: DescriptionView): string;
  /** What can be asked from outside, beside link, fdinfo and stat; once per group. */
  observe?(port: DumpPort, group: readonly DescriptionView[], tree: TreeFiles): Seen;
  /** Pure. Throws unsupported(...) for what cannot be saved. */
  inspect(facts: { id: number; description: DescriptionView; seen: Seen; ids: FileIds }): {
    entry: Entry;
    resources?: readonly ResourceEntry[];
  };

  /** How the files of this host differ from the saved ones, a phrase for each; [] when they do not. */
  survey?(entry: Entry, port: KernelPort, options: RestoreObjectOptions): string[];
  /** Descriptions with the same key are made by one process, with one call of `make`. */
  resourceOf?(entry: Entry, context: RebuildInputs): string;
  /** Steps in the stage 'make' on process.track, before any description of the resource is opened. */
  make?(build: ResourceBuild<Entry>): Made;
  /** Steps in the stage 'make' on process.track. Returns the temporary descriptor of the description. */
  open(build: FileBuild<Entry, Made>): number;
  /** The ids of other descriptions that `fill` uses (files.temporary), if they may be in no table of the process. */
  needs?(entry: Entry): readonly number[];
  /**
   * Steps in the stage 'fill', once all descriptors are in place, or later, up to 'task state'; `fd` is the temporary
   * descriptor, closed at the end of 'task state'.
   */
  fill?(build: FileBuild<Entry, Made>, fd: number): void;
}

export const defineFileKind = <Entry, Seen = undefined, Made = undefined>(
  kind: FileKind<Entry, Seen, Made>,
): FileKind => kind as unknown as FileKind;
