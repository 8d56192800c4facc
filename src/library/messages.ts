/** What a caller and a Worker or helper process tell one another. All of it survives structured cloning. */
import type {
  CheckReport,
  Dumped,
  ExplainedDump,
  ExplainedRestore,
  Restored,
  TaskEnd,
} from '../operations/types.js';
import type { CheckOptions, DumpOptions, RestoreOptions } from '../options/types.js';
import type { ErrorData } from './errors.js';
import type { ProgressEvent } from './requests.js';

/** A restored tree without what only its Worker could do. */
export type RestoredFacts = Omit<Restored, 'wait' | 'exec'>;

/** What each operation takes and gives. */
export interface Calls {
  dump: { options: DumpOptions; answer: Dumped | ExplainedDump };
  restore: { options: RestoreOptions; answer: RestoredFacts | ExplainedRestore };
  check: { options: CheckOptions; answer: CheckReport };
  wait: { options: { readonly pid: number }; answer: TaskEnd };
}
export type CallName = keyof Calls;

export interface Task<Name extends CallName> {
  readonly call: Name;
  readonly options: Calls[Name]['options'];
}

/** What a Worker or a helper process is given. */
export interface Job extends Task<CallName> {
  readonly wantsProgress: boolean;
}

/** The Worker's workerData. */
export interface ThreadJob extends Job {
  /** One 32-bit word: not 0 once the caller asks to stop. */
  readonly cancelWord: SharedArrayBuffer;
}

/** Something that does a job. */
export interface Runner {
  /** The last message, once all of it is over; undefined when there was none. */
  run(onProgress: (event: ProgressEvent) => void): Promise<Message | undefined>;
  cancel(): void;
}

export type Message =
  | { readonly kind: 'progress'; readonly event: ProgressEvent }
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly error: ErrorData };
