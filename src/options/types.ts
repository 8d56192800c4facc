/**
 * What an operation is asked to do, as typed values: made from the command line here, by the library and by RPC through
 * the same functions. Paths are absolute, and relative ones are taken as criu(8) says: images from the current
 * folder, the work folder too, log and pidfile from the work folder. Defaults are the table's.
 */
import { resolve } from 'node:path';
import { usage } from '../support/errors.js';
import {
  type CgroupOptions,
  cgroupOptionsFrom,
  freezeCgroupFrom,
  NO_CGROUP_OPTIONS,
} from './cgroups.js';
import { type CpuCap, cpuCapsFrom } from './cpu-cap.js';
import { externalResource, type InheritedFd, inheritedFds, parseInheritedFd } from './resources.js';
import type { Settings } from './settings.js';
import { defaultOf } from './table.js';

/** What every operation has. */
export interface CommonOptions {
  /** Folder of the images; it must exist. */
  readonly imagesDir: string;
  /** Folder for log, pidfile and statistics: `imagesDir` unless told otherwise. */
  readonly workDir: string;
  /** Where the log goes; without it, to standard error. '-' is standard output. */
  readonly logFile?: string;
  /** 0 nothing, 1 errors, 2 warnings, 3 steps, 4 all. */
  readonly verbosity: number;
  /** A log of its own for each task, `<logFile>.<pid>`. */
  readonly logPid: boolean;
  /** Results and errors as JSON on standard output. */
  readonly json: boolean;
}

export interface DumpOptions extends CommonOptions {
  /** The root of the tree, in the caller's pid namespace. */
  readonly pid: number;
  /** The tasks run on afterwards; they are killed if neither this nor `leaveStopped` is set. */
  readonly leaveRunning: boolean;
  /** The tasks stay stopped (SIGSTOP) afterwards. */
  readonly leaveStopped: boolean;
  /** Seconds that collecting and stopping the tasks may take; 0: no limit. */
  readonly timeoutSec: number;
  /** Makes the images durable (fsync) before any task is killed. */
  readonly sync: boolean;
  /**
   * Refuses threads whose seccomp filters would kill them for what a dump makes them do: the filters are suspended
   * meanwhile, which ends when woodfrog is killed.
   */
  readonly refuseSeccompWindow: boolean;
  /** Only lists every object of the tree with a verdict. */
  readonly explain: boolean;
  /** What of the processor is recorded; all if left out, nothing if empty. */
  readonly cpuCaps?: readonly CpuCap[];
  /** Prints the statistics at the end. */
  readonly displayStats: boolean;
  /** Gets the root task's pid. */
  readonly pidfile?: string;
  /** Bytes of storage: a deleted file with more is refused. */
  readonly ghostLimit: number;
  /** The holes of deleted files are found by FIEMAP. */
  readonly ghostFiemap: boolean;
  /** Deleted files that have other hard links may be given a further one. */
  readonly linkRemap: boolean;
  /** File locks and leases are saved, instead of refused. A restore always brings them back. */
  readonly fileLocks: boolean;
  /** 'filesize': build-ids are not read. */
  readonly fileValidation: FileValidation;
  /** The tree may be the job of a shell outside, on its terminal. */
  readonly shellJob: boolean;
  /** Resources outside the tree that are left out: 'tty[8803:1a]', 'file[1b:230084]', 'pipe[4711]'. */
  readonly external: readonly string[];
  /** A device is saved by any path that it has. */
  readonly evasiveDevices: boolean;
  /** Which cgroups are saved, or restored, and how. */
  readonly cgroups: CgroupOptions;
  /** The folder of a cgroup that is frozen while the tree is stopped. */
  readonly freezeCgroup?: string;
}

/** How files are told to be the same: by their size alone, or programs and libraries by their build-id, too. */
export type FileValidation = 'filesize' | 'buildid';

export interface RestoreOptions extends CommonOptions {
  readonly fileValidation: FileValidation;
  /** Which cgroups are saved, or restored, and how. */
  readonly cgroups: CgroupOptions;
  /** Files may have other permissions than at the checkpoint. */
  readonly skipFileRwxCheck: boolean;
  /** A job comes into the caller's session, on its terminal. */
  readonly shellJob: boolean;
  /** Resources that are handed in by other means than a descriptor. */
  readonly external: readonly string[];
  /** A device is opened at any path that it has. */
  readonly evasiveDevices: boolean;
  /** Descriptors for what was left out, or is replaced. */
  readonly inheritFd: readonly InheritedFd[];
  /** Returns once the tasks run; otherwise the caller waits for the root task. */
  readonly detached: boolean;
  /** The root task becomes a child of the caller's parent. */
  readonly sibling: boolean;
  /** The tasks stay stopped (SIGSTOP) afterwards. */
  readonly leaveStopped: boolean;
  /** What this processor must have of that of the dump; if left out, as many registers and instructions. */
  readonly cpuCaps?: readonly CpuCap[];
  /** Only prints the plan. */
  readonly explain: boolean;
  readonly displayStats: boolean;
  /** Gets the root task's pid. */
  readonly pidfile?: string;
  /** Program and arguments that replace woodfrog afterwards, as the root task's parent. */
  readonly execCmd?: readonly string[];
}

export interface CheckOptions extends CommonOptions {
  /** Checks these alone, by their names in criu(8). */
  readonly features: readonly string[];
  /** Lists the names that `features` may hold, and checks nothing. */
  readonly list: boolean;
  /** Category 2: needed by some programs only. */
  readonly extra: boolean;
  /** Category 3: experimental. */
  readonly experimental: boolean;
}

/** What a caller must say for a dump, and may say. */
export type DumpRequest = Pick<DumpOptions, 'pid' | 'imagesDir'> & Partial<DumpOptions>;
export type RestoreRequest = Pick<RestoreOptions, 'imagesDir'> & Partial<RestoreOptions>;
export type CheckRequest = Partial<CheckOptions>;

/** Fills in the defaults and makes paths absolute. Throws a usage error for wishes that exclude each other. */
export function dumpOptions(request: DumpRequest): DumpOptions {
  if (request.leaveRunning && request.leaveStopped) {
    throw usage('leaveRunning and leaveStopped exclude each other', { doing: 'dump' });
  }
  return {
    leaveRunning: false,
    leaveStopped: false,
    timeoutSec: defaultOf('timeout') as number,
    sync: false,
    refuseSeccompWindow: false,
    explain: false,
    displayStats: false,
    ghostLimit: defaultOf('ghost-limit') as number,
    ghostFiemap: false,
    linkRemap: false,
    fileLocks: false,
    shellJob: false,
    evasiveDevices: false,
    ...request,
    external: (request.external ?? []).map(externalResource),
    cgroups: request.cgroups ?? NO_CGROUP_OPTIONS,
    ...commonOptions(request),
    fileValidation: validation(request),
  };
}

export function restoreOptions(request: RestoreRequest): RestoreOptions {
  if (request.sibling && !request.detached) {
    throw usage("Option '--restore-sibling' only works with '--restore-detached'", {
      doing: 'restore',
      remedy: 'add -d',
    });
  }
  return {
    detached: false,
    sibling: false,
    leaveStopped: false,
    explain: false,
    displayStats: false,
    skipFileRwxCheck: false,
    shellJob: false,
    evasiveDevices: false,
    ...request,
    inheritFd: inheritedFds(request.inheritFd ?? []),
    external: (request.external ?? []).map(externalResource),
    cgroups: request.cgroups ?? NO_CGROUP_OPTIONS,
    ...commonOptions(request),
    fileValidation: validation(request),
  };
}

/** The way files are checked; throws for one that there is not. */
function validation({ fileValidation }: { readonly fileValidation?: string }): FileValidation {
  const mode = fileValidation ?? (defaultOf('file-validation') as string);
  if (mode === 'filesize' || mode === 'buildid') return mode;
  throw usage(`Option '--file-validation' has the value '${mode}'`, {
    remedy: "give it 'filesize' or 'buildid'",
  });
}

export function checkOptions(request: CheckRequest): CheckOptions {
  return {
    features: [],
    list: false,
    extra: false,
    experimental: false,
    ...request,
    ...commonOptions(request),
  };
}

export type CommonRequest = Partial<CommonOptions> & { readonly pidfile?: string };

export function commonOptions(request: CommonRequest): CommonOptions & { pidfile?: string } {
  const imagesDir = resolve(request.imagesDir ?? (defaultOf('images-dir') as string));
  const workDir = request.workDir === undefined ? imagesDir : resolve(request.workDir);
  const { logFile, pidfile } = request;
  return {
    imagesDir,
    workDir,
    verbosity: request.verbosity ?? (defaultOf('verbosity') as number),
    logPid: request.logPid ?? false,
    json: request.json ?? false,
    ...(logFile !== undefined && { logFile: logFile === '-' ? '-' : resolve(workDir, logFile) }),
    ...(pidfile !== undefined && { pidfile: resolve(workDir, pidfile) }),
  };
}

/** The settings of a dump. Throws a usage error when the pid is missing. */
export function dumpOptionsFrom(settings: Settings): DumpOptions {
  settings.required('tree', '--tree', "name the root of the tree: '-t PID'");
  settings.exclusive('leave-running', 'leave-stopped');
  return dumpOptions({
    ...commonFrom(settings),
    pid: settings.number('tree'),
    leaveRunning: settings.flag('leave-running'),
    leaveStopped: settings.flag('leave-stopped'),
    timeoutSec: settings.number('timeout'),
    sync: settings.flag('sync'),
    ...cpuCapsFrom(settings),
    cgroups: cgroupOptionsFrom(settings),
    ...freezeCgroupFrom(settings),
    refuseSeccompWindow: settings.flag('refuse-seccomp-window'),
    explain: settings.flag('explain'),
    displayStats: settings.flag('display-stats'),
    ghostLimit: settings.number('ghost-limit'),
    ghostFiemap: settings.flag('ghost-fiemap'),
    linkRemap: settings.flag('link-remap'),
    fileLocks: settings.flag('file-locks'),
    fileValidation: settings.text('file-validation') as FileValidation,
    shellJob: settings.flag('shell-job'),
    external: settings.list('external'),
    evasiveDevices: settings.flag('evasive-devices'),
  });
}

export function restoreOptionsFrom(settings: Settings, command: readonly string[]): RestoreOptions {
  const exec = settings.flag('exec-cmd');
  if (exec && command.length === 0) {
    throw usage("Option '--exec-cmd' has no command to run", {
      remedy: "write it at the end, after '--'",
    });
  }
  return restoreOptions({
    ...commonFrom(settings),
    detached: settings.flag('restore-detached'),
    sibling: settings.flag('restore-sibling'),
    leaveStopped: settings.flag('leave-stopped'),
    ...cpuCapsFrom(settings),
    cgroups: cgroupOptionsFrom(settings),
    explain: settings.flag('explain'),
    displayStats: settings.flag('display-stats'),
    fileValidation: settings.text('file-validation') as FileValidation,
    skipFileRwxCheck: settings.flag('skip-file-rwx-check'),
    shellJob: settings.flag('shell-job'),
    external: settings.list('external'),
    evasiveDevices: settings.flag('evasive-devices'),
    inheritFd: settings.list('inherit-fd').map(parseInheritedFd),
    ...(exec && { execCmd: command }),
  });
}

export function checkOptionsFrom(settings: Settings): CheckOptions {
  const features = settings.list('feature');
  return checkOptions({
    ...commonFrom(settings),
    features: features.filter((name) => name !== 'list'),
    list: features.includes('list'),
    extra: settings.flag('extra') || settings.flag('all'),
    experimental: settings.flag('experimental') || settings.flag('all'),
  });
}

export function commonFrom(settings: Settings): CommonRequest & { imagesDir: string } {
  const workDir = settings.text('work-dir');
  const logFile = settings.text('log-file');
  const pidfile = settings.text('pidfile');
  return {
    imagesDir: settings.text('images-dir') as string,
    verbosity: settings.number('verbosity'),
    logPid: settings.flag('log-pid'),
    json: settings.flag('json'),
    ...(workDir !== undefined && { workDir }),
    ...(logFile !== undefined && { logFile }),
    ...(pidfile !== undefined && { pidfile }),
  };
}
