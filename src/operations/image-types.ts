/** What the operations on images alone answer: show, verify, coredump, dedup. */
import type { TaskSummary } from '../checkpoint/summary.js';
import type { FoundProblem, VerifyReport } from '../checkpoint/verify-store.js';

export type { FoundProblem, TaskSummary, VerifyReport };

export interface ShownCheckpoint {
  readonly folder: string;
  /** When the inventory, which makes a checkpoint complete, was written; undefined without one. */
  readonly madeAt: string | undefined;
  /** The host's name, when the tree had a UTS namespace of its own. */
  readonly host: string | undefined;
  /** Milliseconds that the kernel it was made on had been running. */
  readonly uptimeMs: number | undefined;
  /** Checkpoints that it builds on. */
  readonly parentCount: number;
  readonly imageCount: number;
  readonly imageBytes: number;
  /** Part of `imageBytes`. */
  readonly pageBytes: number;
  readonly tasks: readonly TaskSummary[];
  /** Entries of files.img by type: 'REG' -> 4. */
  readonly fileTypes: Readonly<Record<string, number>>;
}

export interface CoredumpReport {
  readonly files: readonly {
    readonly pid: number;
    readonly path: string;
    readonly bytes: number;
  }[];
}

export interface DedupReport {
  /** Bytes that parent images do not hold any more. */
  readonly freedBytes: number;
  readonly parentCount: number;
}
