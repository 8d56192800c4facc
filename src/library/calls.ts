/**
 * The library's functions. Each call runs in a Worker of its own, the dump of a child of this process in a process of
 * its own: it blocks no event loop, takes no child's status, and changes neither directory nor namespace nor signal
 * handlers of its host.
 */
import type {
  CheckReport,
  Dumped,
  ExplainedDump,
  ExplainedRestore,
  TaskEnd,
} from '../operations/types.js';
import { checkOptions, dumpOptions, restoreOptions } from '../options/types.js';
import { perform } from './call.js';
import type { RestoredFacts } from './messages.js';
import {
  type CallOptions,
  type CheckRequest,
  type DumpRequest,
  type RestoreRequest,
  verifyRequest,
} from './requests.js';

type Explaining<Request> = Request & { readonly explain: true };
type Doing<Request> = Request & { readonly explain?: false };

/**
 * Saves the tree of processes that starts at `pid` into `imagesDir`, a folder that exists, and ends it, unless
 * `leaveRunning` or `leaveStopped` is set. With `explain` it only lists every object of the tree with a verdict.
 * Rejects with a CheckpointError; the tree then runs on as it was.
 */
export function dump(request: Explaining<DumpRequest>): Promise<ExplainedDump>;
export function dump(request: Doing<DumpRequest>): Promise<Dumped>;
export function dump(request: DumpRequest): Promise<Dumped | ExplainedDump>;
export async function dump(request: DumpRequest): Promise<Dumped | ExplainedDump> {
  verifyRequest('dump', request);
  const { signal: _signal, onProgress: _onProgress, ...wishes } = request;
  return await perform({ call: 'dump', options: dumpOptions(wishes) }, request);
}

/** A tree that was brought back, and runs. */
export interface RestoredTree extends RestoredFacts {
  /**
   * Resolves when the root task has ended, and collects its status. It is a child of this process that node:child_process
   * does not know: unless somebody waits for it, it stays a zombie once it has ended. (With `sibling` it is a child of
   * this process's parent, and cannot be waited for here.)
   */
  wait(options?: Pick<CallOptions, 'signal'>): Promise<TaskEnd>;
}

/**
 * Brings the tree saved in `imagesDir` back and lets it run. With `explain` it only lists the steps. Rejects with a
 * CheckpointError; nothing is left behind then.
 */
export function restore(request: Explaining<RestoreRequest>): Promise<ExplainedRestore>;
export function restore(request: Doing<RestoreRequest>): Promise<RestoredTree>;
export function restore(request: RestoreRequest): Promise<RestoredTree | ExplainedRestore>;
export async function restore(request: RestoreRequest): Promise<RestoredTree | ExplainedRestore> {
  verifyRequest('restore', request);
  const { signal: _signal, onProgress: _onProgress, ...wishes } = request;
  const options = restoreOptions({ ...wishes, detached: true });
  const restored = await perform({ call: 'restore', options }, request);
  if (restored.kind === 'explained') return restored;
  const { pid } = restored;
  return {
    ...restored,
    wait: (options = {}) => perform({ call: 'wait', options: { pid } }, options),
  };
}

/** Tells what this kernel can do: all that is always needed, or the `features` named. */
export async function check(request: CheckRequest = {}): Promise<CheckReport> {
  verifyRequest('check', request);
  const { signal: _signal, onProgress: _onProgress, ...wishes } = request;
  return await perform({ call: 'check', options: checkOptions(wishes) }, request);
}
