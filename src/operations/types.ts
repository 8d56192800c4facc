/** What operations take beside their options, and what they answer. The front ends know operations by this file alone. */
import type { CheckOptions, DumpOptions, RestoreOptions } from '../options/types.js';
import type { Log } from '../support/log.js';

export type Dump = (options: DumpOptions, env: OperationEnv) => DumpReport;
export type Restore = (options: RestoreOptions, env: OperationEnv) => RestoreReport;
export type Check = (options: CheckOptions, env: OperationEnv) => CheckReport;

/** What the caller lends an operation. */
export interface OperationEnv {
  /** Open: the operation only writes to it. */
  readonly log: Log;
  /** Called now and then during long work. Must return quickly: the tree may be frozen meanwhile. */
  readonly progress?: (event: ProgressEvent) => void;
  /**
   * Whether the caller asks to stop, as Ctrl-C does: looked at often. Without it SIGINT and SIGTERM ask to stop; with it
   * the operation leaves the handlers of both alone.
   */
  readonly cancelled?: () => boolean;
  /** Called once or more when there are hundreds of objects to go through, and the process is the caller's to tune. */
  readonly manyObjects?: () => void;
}

export interface ProgressEvent {
  /** As a user would say it: 'writing pages'. */
  readonly phase: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type DumpReport = Dumped | ExplainedDump;

export interface Dumped {
  readonly kind: 'dumped';
  readonly pid: number;
  readonly taskCount: number;
  readonly stats: DumpStats;
}

/** The answer to `--explain`: the tree was only looked at. */
export interface ExplainedDump {
  readonly kind: 'explained';
  readonly verdicts: readonly Verdict[];
}

/** What would happen to one object. */
export interface Verdict {
  readonly pid: number;
  readonly comm?: string;
  /** 'descriptor 3', 'mapping 0x7f00-0x7f10'. */
  readonly object: string;
  /** What it is: '/var/log/x.log', 'pipe:[1234]'. */
  readonly detail?: string;
  readonly verdict: 'saved' | 'needs option' | 'cannot be saved';
  /** The option, or the reason. */
  readonly because?: string;
}

export interface CpuinfoReport {
  readonly kind: 'cpuinfo';
  readonly action: 'dump' | 'check';
}

export type RestoreReport = Restored | ExplainedRestore;

export interface Restored {
  readonly kind: 'restored';
  /** The root task, in the caller's pid namespace. */
  readonly pid: number;
  readonly taskCount: number;
  readonly stats: RestoreStats;
  /** Blocks until the root task ends. Never called with `detached`. */
  wait(): TaskEnd;
  /**
   * Replaces this process by a program found in PATH: the root task's parent from then on. Returns never, or throws
   * `refused` with the errno of execve(2); the restored tree runs on in either case.
   */
  exec(argv: readonly string[], environment: Environment): never;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The answer to `--explain`: nothing was run. */
export interface ExplainedRestore {
  readonly kind: 'explained';
  /** The plan, a step a line. */
  readonly plan: readonly string[];
}

/** How a task ended: its exit status, or the number of the signal that killed it. */
export type TaskEnd = { readonly exited: number } | { readonly killedBy: number };

/** The figures of `stats-dump`, spelled as in its message dump_stats_entry: microseconds, and pages of 4096 bytes. */
export interface DumpStats {
  readonly freezing_time: number;
  readonly frozen_time: number;
  readonly memdump_time: number;
  readonly memwrite_time: number;
  readonly pages_scanned: number;
  readonly pages_skipped_parent: number;
  readonly pages_written: number;
  readonly irmap_resolve?: number;
  readonly pages_lazy: number;
  readonly page_pipes?: number;
  readonly page_pipe_bufs?: number;
  readonly shpages_scanned?: number;
  readonly shpages_skipped_parent?: number;
  readonly shpages_written?: number;
}

/** The figures of `stats-restore`, spelled as in its message restore_stats_entry. */
export interface RestoreStats {
  readonly pages_compared: number;
  readonly pages_skipped_cow: number;
  readonly forking_time: number;
  readonly restore_time: number;
  readonly pages_restored?: number;
}

export type CheckReport =
  | { readonly kind: 'listed'; readonly names: readonly string[] }
  | { readonly kind: 'checked'; readonly results: readonly CheckResult[] };

export interface CheckResult {
  readonly name: string;
  /** 1: always needed; 2: needed by some programs; 3: experimental. */
  readonly category: 1 | 2 | 3;
  readonly available: boolean;
  /** If it is not available: what is missing, and what it is needed for. */
  readonly missing?: string;
  readonly remedy?: string;
}
