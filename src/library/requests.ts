/** What callers of the library may ask for: the options of the operations without those of a command line. */
import type * as options from '../options/types.js';
import { usage } from '../support/errors.js';

/** What only a program of its own can offer: its standard output, its name, its parent's patience. */
type CommandLineOnly = 'json' | 'displayStats' | 'detached' | 'execCmd';

/** An AbortSignal, as far as it is needed here. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface ProgressEvent {
  /** As a user would say it: 'writing pages'. */
  readonly phase: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface CallOptions {
  /**
   * Stops the operation as soon as that is safe: a dump lets the tree run on, a restore leaves nothing behind. What has
   * passed its commit point ends well all the same.
   */
  readonly signal?: CancelSignal;
  /** Told of long work, at most ten times a second. What it throws is not caught. */
  readonly onProgress?: (event: ProgressEvent) => void;
}

export type DumpRequest = Omit<options.DumpRequest, CommandLineOnly> & CallOptions;
export type RestoreRequest = Omit<options.RestoreRequest, CommandLineOnly> & CallOptions;
export type CheckRequest = Omit<options.CheckRequest, CommandLineOnly> & CallOptions;

type Names<Request> = Readonly<Record<keyof Request, true>>;

const COMMON = {
  imagesDir: true,
  workDir: true,
  logFile: true,
  verbosity: true,
  logPid: true,
  signal: true,
  onProgress: true,
} as const;

const DUMP: Names<DumpRequest> = {
  ...COMMON,
  pid: true,
  leaveRunning: true,
  leaveStopped: true,
  timeoutSec: true,
  cpuCaps: true,
  sync: true,
  ghostLimit: true,
  ghostFiemap: true,
  linkRemap: true,
  fileLocks: true,
  shellJob: true,
  external: true,
  evasiveDevices: true,
  fileValidation: true,
  cgroups: true,
  freezeCgroup: true,
  refuseSeccompWindow: true,
  explain: true,
  pidfile: true,
};
const RESTORE: Names<RestoreRequest> = {
  ...COMMON,
  fileValidation: true,
  cgroups: true,
  skipFileRwxCheck: true,
  shellJob: true,
  external: true,
  evasiveDevices: true,
  inheritFd: true,
  sibling: true,
  cpuCaps: true,
  leaveStopped: true,
  explain: true,
  pidfile: true,
};
const CHECK: Names<CheckRequest> = {
  ...COMMON,
  features: true,
  list: true,
  extra: true,
  experimental: true,
};
const NAMES = { dump: DUMP, restore: RESTORE, check: CHECK };

/** Programs without types misspell options: an option that is not there is refused, never ignored. */
export function verifyRequest(call: keyof typeof NAMES, request: object): void {
  const { pid, imagesDir } = request as { pid?: unknown; imagesDir?: unknown };
  for (const name of Object.keys(request)) {
    if (!Object.hasOwn(NAMES[call], name)) {
      throw usage(`there is no option '${name}'`, {
        doing: call,
        remedy: `the options are ${Object.keys(NAMES[call]).join(', ')}`,
      });
    }
  }
  if (call === 'dump' && !(Number.isInteger(pid) && (pid as number) > 0)) {
    throw usage(`pid is ${String(pid)}, not the number of a process`, { doing: call });
  }
  if (call !== 'check' && (typeof imagesDir !== 'string' || imagesDir === '')) {
    throw usage('imagesDir does not name a folder', { doing: call });
  }
}
