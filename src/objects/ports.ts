/** What objects may use of the kernel while they observe: handed in, so that objects import no effects. */
import type { XstateLayout } from '../arch/arch.js';
import type { Arguments, Params, Place, Syscall } from '../linux/syscall.js';
import type { SureTape } from '../plan/sure-tape.js';
import type { ObjectOptions } from './options.js';
import type { OwnTask } from './own-task.js';

/** Memory of ours that a call can fill. */
export interface PortBuffer extends Place {
  readonly bytes: Uint8Array;
}

export interface PortScope extends Disposable {
  alloc(length: number, align?: number): PortBuffer;
}

export interface FileStat {
  dev: bigint;
  ino: bigint;
  nlink: bigint;
  mode: number;
  uid: number;
  gid: number;
  rdev: bigint;
  size: number;
}

/** System calls and small files, as this process sees them. `attempt` and the attemptX return -errno. */
export interface KernelPort {
  /** Facts of woodfrog itself: `new OwnTask(port)`, once. */
  readonly own: OwnTask;
  /** Where this CPU keeps its extended registers. */
  readonly xstateLayout: XstateLayout;
  call<P extends Params>(call: Syscall<P>, args: Arguments<P>): number;
  attempt<P extends Params>(call: Syscall<P>, args: Arguments<P>): number;
  scope(): PortScope;
  attemptReadText(path: string): string | number;
  attemptReadBytes(path: string): Uint8Array | number;
  attemptReadLink(path: string): string | number;
  attemptReadDir(path: string): string[] | number;
  /** stat(2): links are followed, AT_SYMLINK_NOFOLLOW in `flags` stops that. */
  attemptStat(path: string, flags?: number): FileStat | number;
  readText(path: string): string;
  readLink(path: string): string;
  readDir(path: string): string[];
}

/**
 * The kernel during a dump. Descriptors taken from tasks are ours, closed when the dump ends; they share the
 * description with the task, so nothing may be changed through them (position, flags, SO_PEEK_OFF ...).
 */
export interface DumpPort extends KernelPort {
  /** What the user allows and asks for. */
  readonly options: ObjectOptions;
  /** pidfd_getfd: the task's open file description, as a descriptor of ours. */
  take(pid: number, fd: number): number;
  /**
   * Runs what `build` puts on the tape, all of it, even if we are killed in the middle: for what is taken out and put
   * back. Then the function that it returned.
   */
  surely<T>(build: (tape: SureTape) => () => T): T;
  /** Hands over a descriptor of ours, to be closed when the dump ends, however it ends. */
  adopt(fd: number): void;
  /** Closes a descriptor that was taken or adopted: a tree can have more of them than we may. */
  drop(fd: number): void;
}
