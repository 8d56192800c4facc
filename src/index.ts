/** The package's entry: checkpoint and restore as a library. */
export { check, dump, type RestoredTree, restore } from './library/calls.js';
export type {
  CallOptions,
  CancelSignal,
  CheckRequest,
  DumpRequest,
  ProgressEvent,
  RestoreRequest,
} from './library/requests.js';
export type {
  CheckReport,
  CheckResult,
  Dumped,
  DumpStats,
  ExplainedDump,
  ExplainedRestore,
  RestoreStats,
  TaskEnd,
  Verdict,
} from './operations/types.js';
export { CheckpointError, type ErrorCode, type ErrorContext } from './support/errors.js';
