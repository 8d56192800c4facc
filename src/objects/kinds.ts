/**
 * The contract of a kernel object: how it is recognised, what is observed, which image entry it becomes, and the
 * steps that bring it back. An object leaves out what it does not need; nobody else knows it by name.
 */
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import type { task_core_entry, thread_core_entry } from '../images/messages/core.js';
import type { thread_info_x86 } from '../images/messages/core-x86.js';
import type { fd_types, file_entry } from '../images/messages/fdinfo.js';
import type { fs_entry } from '../images/messages/fs.js';
import type { mm_entry } from '../images/messages/mm.js';
import type { MessageValue } from '../images/schema.js';
import type { FdLink } from '../linux/procfs/fd-link.js';
import type { Fdinfo } from '../linux/procfs/fdinfo.js';
import type { Arguments, Params, Place, Syscall } from '../linux/syscall.js';
import type { DumpPort, FileStat, KernelPort } from './ports.js';
import type { ProcessRebuild, RestoreContext, ThreadRebuild } from './rebuild-context.js';

/** Calls to run inside the frozen task, on one tape with all other probes: one stop, not fifty. */
export interface ProbeTape {
  /** `result()` may be asked once the tape has run; a negative value is -errno and not an error by itself. */
  call<P extends Params>(call: Syscall<P>, args: Arguments<P>): { result(): number };
  /** Memory in the task for a call to fill; `read()` once the tape has run. */
  reserve(length: number): Place & { read(): Uint8Array };
}

export interface TaskSubject {
  process: ProcessView;
  thread: ThreadView;
  /** Whether `thread` is the leader. */
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
  /** What can be asked from outside. */
  observe?(port: DumpPort, subject: TaskSubject): Seen;
  /** What can be asked only from within: puts calls on the tape; the returned function reads the answers. */
  probe?(tape: ProbeTape, subject: TaskSubject): () => Probed;
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
  /** A file type (S_IFREG ...) with, where that decides, the device number or the pseudo file system's link type. */
  | {
      fileType: number;
      device?: readonly [major: number, minor?: number];
      pseudo?: string;
      memfd?: true;
    };

export interface DescriptionView {
  /** Its id in files.img. */
  id: number;
  /** A process that holds it, and a descriptor number there. */
  process: ProcessView;
  fd: number;
  /** The target of /proc/PID/fd/N, as read and taken apart. */
  target: string;
  link: FdLink;
  fdinfo: Fdinfo;
  stat: FileStat;
}

/** Raw bytes that belong behind an image entry: streamed at writing, never held whole. */
export interface Payload {
  length: number;
  /** Writes all `length` bytes to `fd` at `offset`; throws when there are fewer. */
  write(port: DumpPort, fd: number, offset: number): void;
}

/** An entry of another image that a description needs: pipes-data of a pipe. One per resource, told by `key`. */
export interface ResourceEntry {
  /** Catalogue key of the image, and its id for images that come many. */
  image: string;
  id?: number;
  key: string;
  value: unknown;
  payload?: Payload;
}

export interface FileBuild<Entry> {
  entry: Entry;
  process: ProcessRebuild;
  context: RestoreContext;
  /** What `survey` found. */
  facts: unknown;
}

/** A kind of open file description: one definition per kernel object. */
export interface FileKind<Entry = unknown, Seen = unknown> {
  readonly name: string;
  readonly fdType: (typeof fd_types)[keyof typeof fd_types];
  /** The field of file_entry that holds this kind's entry. */
  readonly unionField: keyof MessageValue<typeof file_entry>;
  readonly recognize: readonly FileDiscriminant[];
  /** What can be asked from outside, beside link, fdinfo and stat. */
  observe?(port: DumpPort, description: DescriptionView): Seen;
  /** Pure: the entry, and entries of other images. Throws unsupported(...) for what cannot be saved. */
  inspect(
    description: DescriptionView,
    seen: Seen,
  ): { entry: Entry; resources?: readonly ResourceEntry[] };
  /** Descriptions with the same key are made together, by one task: both ends of a pipe. */
  resource?(entry: Entry): string;
  /** Facts of this host that opening depends on (is the file there, as large as it was?); throws what is wrong. */
  survey?(entry: Entry, port: KernelPort): unknown;
  /** Steps in the stage 'make' on process.track; the temporary descriptor of the description. */
  open(build: FileBuild<Entry>): number;
  /** Steps in the stage 'fill', once all descriptors are in place; `fd` is the temporary descriptor. */
  fill?(build: FileBuild<Entry>, fd: number): void;
}

export const defineFileKind = <Entry, Seen = undefined>(kind: FileKind<Entry, Seen>): FileKind =>
  kind as unknown as FileKind;
