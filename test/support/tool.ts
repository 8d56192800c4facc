/**
 * The tool under test, always from the outside: a command line and image folders. WOODFROG_TOOL
 * names another executable with the same command line (CRIU, say); WOODFROG_CRIU names the CRIU
 * that interop tests talk to.
 */
import { AssertionError } from 'node:assert';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { root } from './paths.js';
import { type Descriptors, furtherDescriptors } from './program.js';
import { leaveToNode } from './reaper.js';
import { sleep } from './wait.js';

export interface ToolRun {
  command: string;
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** The log file the run was told to write, or ''. */
  log: string;
  elapsedMs: number;
}

export interface ToolOptions {
  timeoutMs?: number;
  /** A signal that it gets after so many milliseconds. */
  signalled?: { by: NodeJS.Signals; afterMs: number };
  /** Told its pid as soon as it runs. */
  onStart?: (pid: number) => void;
  env?: Record<string, string>;
  cwd?: string;
  /** Descriptors of ours that it gets, by their number there: 1, or above 2. */
  descriptors?: Descriptors;
}

/** One executable with CRIU's command line. */
export class Tool {
  readonly path: string;
  readonly isCriu: boolean;

  constructor(path: string) {
    this.path = path;
    this.isCriu = basename(path).startsWith('criu');
  }

  /**
   * Runs it to its end and judges nothing. A run that takes too long is killed and reported as
   * such.
   */
  async run(args: readonly string[], options: ToolOptions = {}): Promise<ToolRun> {
    const started = performance.now();
    const child = spawn(this.path, args, {
      stdio: [
        'ignore',
        options.descriptors?.[1] ?? 'pipe',
        'pipe',
        ...furtherDescriptors(options.descriptors),
      ],
      env: { ...process.env, ...options.env },
      cwd: options.cwd ?? '/',
    });
    leaveToNode(child);
    if (child.pid !== undefined) options.onStart?.(child.pid);
    const timers = [setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000)];
    const { signalled } = options;
    if (signalled) timers.push(setTimeout(() => child.kill(signalled.by), signalled.afterMs));
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const [, stdout, stderr] = child.stdio as (Readable | null)[];
    stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    const closed = new Promise<void>((done) => child.once('close', () => done()));
    const [status, signal] = await new Promise<[number | null, string | null]>(
      (resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code, by) => resolve([code, by]));
      },
    );
    const elapsedMs = performance.now() - started;
    for (const timer of timers) clearTimeout(timer);
    // A restored tree may hold the tool's own standard output open: then 'close' never comes.
    await Promise.race([closed, sleep(250)]);
    stdout?.destroy();
    stderr?.destroy();
    return {
      command: [this.path, ...args].join(' '),
      status,
      signal,
      stdout: Buffer.concat(out).toString(),
      stderr: Buffer.concat(err).toString(),
      log: readLog(args),
      elapsedMs,
    };
  }

  /** `dump` without a verdict. */
  attemptDump(pid: number, dir: string, args: readonly string[] = [], options?: ToolOptions) {
    mkdirSync(dir, { recursive: true });
    const common = ['dump', '-t', String(pid), '-D', dir, '-v4', '-o', 'dump.log'];
    return this.run([...common, ...args], options);
  }

  /** `restore -d` without a verdict. */
  attemptRestore(dir: string, args: readonly string[] = [], options?: ToolOptions) {
    const common = ['restore', '-d', '-D', dir, '-v4', '-o', 'restore.log'];
    return this.run([...common, ...args], options);
  }

  async dump(pid: number, dir: string, ...args: string[]): Promise<ToolRun> {
    return mustSucceed(await this.attemptDump(pid, dir, args));
  }

  async restore(dir: string, ...args: string[]): Promise<ToolRun> {
    return mustSucceed(await this.attemptRestore(dir, args));
  }
}

export const tool = new Tool(process.env.WOODFROG_TOOL ?? join(root, 'bin/woodfrog'));

/** Why a test that needs CRIU is skipped. */
export const NO_CRIU = 'WOODFROG_CRIU does not name an executable CRIU 4.2';

/** The real CRIU for interop, where there is one. */
export function criu(): Tool | undefined {
  const path = process.env.WOODFROG_CRIU;
  return path !== undefined && existsSync(path) ? new Tool(path) : undefined;
}

/** Throws, with what a person needs to see, unless the run ended with status 0. */
export function mustSucceed(run: ToolRun): ToolRun {
  if (run.status !== 0) throw new AssertionError({ message: describeRun(run) });
  return run;
}

/** Everything the tool said, for searching. */
export const saidBy = (run: ToolRun): string => `${run.stdout}\n${run.stderr}\n${run.log}`;

export function describeRun(run: ToolRun): string {
  const end = run.signal === null ? `exited ${run.status}` : `was killed by ${run.signal}`;
  return [
    `${run.command}: ${end} after ${run.elapsedMs.toFixed(0)} ms`,
    ...section('stdout', run.stdout),
    ...section('stderr', run.stderr),
    ...section('log, errors', errorsOf(run.log)),
    ...section('log, end', tail(run.log, 12)),
  ].join('\n');
}

const tail = (text: string, lines: number): string =>
  text.trimEnd().split('\n').slice(-lines).join('\n');

/** The lines of a log that report an error. */
export const errorsOf = (log: string): string =>
  log
    .split('\n')
    .filter((line) => line.includes('Error'))
    .slice(-15)
    .join('\n');

const section = (title: string, text: string): string[] =>
  text.trim() === '' ? [] : [`--- ${title}`, text.trimEnd()];

function readLog(args: readonly string[]): string {
  const argument = (flag: string): string | undefined => {
    const at = args.lastIndexOf(flag);
    return at < 0 ? undefined : args[at + 1];
  };
  const name = argument('-o');
  const folder = argument('-W') ?? argument('-D');
  if (name === undefined || folder === undefined) return '';
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, 'latin1') : '';
}
