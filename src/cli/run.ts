/**
 * One run of the command line: options, log, the operation, its answer, an exit status. Each operation is loaded only
 * when it is asked for. Nothing here decides anything about processes.
 */
import { fstatSync } from 'node:fs';
import { release } from 'node:os';
import type { OperationEnv, Restored, TaskEnd } from '../operations/types.js';
import { type CommandLine, logFileOf, readCommandLine } from '../options/command-line.js';
import { helpText } from '../options/help.js';
import type { CpuinfoOptions } from '../options/image-types.js';
import type { CheckOptions, CommonOptions, DumpOptions, RestoreOptions } from '../options/types.js';
import { monotonicMs } from '../support/clock.js';
import { asCheckpointError, type CheckpointError, exitStatus } from '../support/errors.js';
import { LOG_ERROR, LOG_INFO, LOG_NOTHING, Log, writeAll } from '../support/log.js';
import { CRIU_VERSION, WOODFROG_VERSION } from '../support/version.js';
import { closeHandedIn, closeInherited, leaveTerminals, verifyInherited } from './descriptors.js';
import type { ImageLine } from './images.js';
import { checkAnswer, errorJson, errorText, verdictsText } from './report.js';
import { dumpStatsText, restoreStatsText } from './stats.js';

const STDOUT = 1;
const STDERR = 2;

type OperationLine = Exclude<CommandLine, { kind: 'version' | 'help' }>;

/** Does what the arguments (without the program's name) say. Returns the exit status; never throws. */
export async function run(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  try {
    const line = readCommandLine(args, environment);
    if (line.kind === 'version') {
      print(STDOUT, `Version: ${CRIU_VERSION}\nwoodfrog ${WOODFROG_VERSION}\n`);
      return 0;
    }
    if (line.kind === 'help') {
      print(STDOUT, helpText(line.command));
      return 0;
    }
    const status = await runLogged(line, environment);
    if (line.kind === 'restore' && status === 0) leaveTerminals();
    return status;
  } catch (thrown) {
    const error = asCheckpointError(thrown);
    logUnread(error, logFileOf(args));
    tellError(error, args.includes('--json'));
    return exitStatus(error);
  }
}

/** Callers look for the reason in the log, also when the run ended before its options were read. */
function logUnread(error: CheckpointError, file: string | undefined): void {
  if (file === undefined) return;
  const log = new Log();
  log.error('cli', error.toString());
  try {
    log.open({ level: LOG_ERROR, file });
    log.close();
  } catch {
    // The error at hand is the one to tell; that its log cannot be created either adds nothing.
  }
}

async function runLogged(line: OperationLine, environment: NodeJS.ProcessEnv): Promise<number> {
  const { options } = line;
  const log = new Log();
  log.info(
    'cli',
    `Version: ${CRIU_VERSION} (woodfrog ${WOODFROG_VERSION}, Node ${process.version})`,
  );
  log.info('cli', `Running on Linux ${release()}`);
  verifyInherited(line.kind === 'restore' ? line.options.inheritFd : [], environment);
  const notOpen = closeInherited(line.close);
  log.open({
    level: options.verbosity,
    perTask: options.logPid,
    ...(options.logFile !== undefined && { file: options.logFile }),
  });
  for (const fd of notOpen) {
    log.warn('cli', `Descriptor ${fd} of '--close' is not an inherited one`);
  }
  for (const option of line.withoutEffect) {
    log.warn('cli', `Option '${option}' has no effect on ${line.kind}`);
  }
  try {
    return await operate(line, log, environment);
  } catch (thrown) {
    const error = asCheckpointError(thrown);
    logError(error, log, line);
    if (options.verbosity > LOG_NOTHING) tellError(error, options.json);
    return exitStatus(error);
  } finally {
    log.close();
    if (log.failure !== undefined) {
      print(STDERR, `Warning: The log is not complete: ${log.failure}\n`);
    }
  }
}

function operate(line: OperationLine, log: Log, environment: NodeJS.ProcessEnv): Promise<number> {
  if (line.kind === 'dump') return runDump(line.options, log);
  if (line.kind === 'restore') return runRestore(line.options, log, environment);
  if (line.kind === 'check') return runCheck(line.options, log);
  if (line.kind === 'cpuinfo') return runCpuinfo(line.options, log);
  return runOnImages(line);
}

async function runOnImages(line: ImageLine): Promise<number> {
  const { answerOnImages } = await import('./images.js');
  const { text, exitStatus: status } = await answerOnImages(line, () => isTerminal(STDOUT));
  print(STDOUT, text);
  return status;
}

async function runDump(options: DumpOptions, log: Log): Promise<number> {
  const { dump } = await import('../operations/dump.js');
  const report = await withProgress(options, log, (env) => dump(options, env));
  if (report.kind === 'explained') {
    print(STDOUT, options.json ? json(report) : verdictsText(report.verdicts));
    return 0;
  }
  log.info('cli', 'Dumping finished successfully');
  if (options.json) print(STDOUT, json(report));
  else if (options.displayStats) print(STDOUT, dumpStatsText(report.stats));
  return 0;
}

async function runRestore(
  options: RestoreOptions,
  log: Log,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { restore } = await import('../operations/restore.js');
  const report = await withProgress(options, log, (env) => restore(options, env));
  if (report.kind === 'explained') {
    print(STDOUT, options.json ? json(report) : `${report.plan.join('\n')}\n`);
    return 0;
  }
  log.info('cli', 'Restore finished successfully. Tasks resumed.');
  if (options.json) print(STDOUT, json(report));
  else if (options.displayStats) print(STDOUT, restoreStatsText(report.stats));
  closeHandedIn(options.inheritFd);
  return afterRestore(options, report, log, environment);
}

/**
 * With the tasks running: becomes another program, goes, or waits for the root task. How that task ends is its own
 * affair: the restore has succeeded, and says so.
 */
function afterRestore(
  { execCmd, detached }: RestoreOptions,
  report: Restored,
  log: Log,
  environment: NodeJS.ProcessEnv,
): number {
  if (execCmd !== undefined) return report.exec(execCmd, environment);
  if (detached) return 0;
  // Signals keep their default action: Ctrl-C ends the waiting, and the restored tasks go on without us.
  log.info('cli', `Root task ${report.pid} ${endText(report.wait())}`);
  return 0;
}

const endText = (end: TaskEnd): string =>
  'exited' in end ? `exited with status ${end.exited}` : `was killed by signal ${end.killedBy}`;

async function runCheck(options: CheckOptions, log: Log): Promise<number> {
  const { check } = await import('../operations/check.js');
  const report = check(options, { log });
  const answer = checkAnswer(report, { named: options.features.length > 0 });
  print(STDOUT, options.json ? json(report) : answer.text);
  return answer.exitStatus;
}

async function runCpuinfo(options: CpuinfoOptions, log: Log): Promise<number> {
  const { cpuinfo } = await import('../operations/cpu.js');
  const report = cpuinfo(options, { log });
  if (options.json) print(STDOUT, json(report));
  return 0;
}

/** Runs an operation under a progress bar, if standard error is a terminal that the log does not write to. */
async function withProgress<T>(
  options: CommonOptions,
  log: Log,
  operation: (env: OperationEnv) => T,
): Promise<T> {
  const logElsewhere = options.logFile !== undefined || options.verbosity < LOG_INFO;
  if (!logElsewhere || !(await isTerminal(STDERR)))
    return operation({ log, manyObjects: optimizeLater });
  const { progressBar } = await import('./progress.js');
  const bar = progressBar((text) => print(STDERR, text), monotonicMs);
  try {
    return operation({ log, progress: bar.show, manyObjects: optimizeLater });
  } finally {
    bar.clear();
  }
}

/**
 * A run is over before what V8 optimizes has paid for its compiling, which takes up to a third of all processor time. To load
 * node:v8 takes 3 ms: only where it pays. Node 24 is the last that is known to have this flag.
 */
function optimizeLater(): void {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major > 24) return;
  process.getBuiltinModule('node:v8').setFlagsFromString('--interrupt-budget=2000000');
}

/** Loading node:tty takes 3 ms: only for what may be a terminal. */
async function isTerminal(fd: number): Promise<boolean> {
  try {
    return fstatSync(fd).isCharacterDevice() && (await import('node:tty')).isatty(fd);
  } catch {
    return false;
  }
}

const FAILED: Readonly<Record<OperationLine['kind'], string>> = {
  dump: 'Dumping FAILED.',
  restore: 'Restoring FAILED.',
  check: 'Check FAILED.',
  cpuinfo: 'Cpuinfo FAILED.',
  show: 'Show FAILED.',
  verify: 'Verify FAILED.',
  coredump: 'Coredump FAILED.',
  dedup: 'Dedup FAILED.',
};

/** The error as callers look for it in a log, and where it came from if it is a mistake of ours. */
function logError(error: CheckpointError, log: Log, { kind, options }: OperationLine): void {
  const { cause } = error;
  if (error.code === 'bug') log.error(kind, (cause instanceof Error ? cause : error).stack ?? '');
  // Without a file the log is standard error, where tellError says the same.
  if (options.logFile === undefined) return;
  log.error(kind, error.toString());
  log.error(kind, FAILED[kind]);
}

function tellError(error: CheckpointError, asJson: CommonOptions['json']): void {
  if (asJson) print(STDOUT, errorJson(error));
  print(STDERR, errorText(error));
}

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Writes; a reader that has gone away, or a full disk behind standard output, does not change what was done. */
function print(fd: number, text: string): void {
  if (text === '') return;
  try {
    writeAll(fd, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPIPE' && fd === STDOUT)
      print(STDERR, `Warning: Cannot write the output: ${code}\n`);
  }
}
