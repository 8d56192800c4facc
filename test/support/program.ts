/**
 * One program under checkpoint: started in its own session on plain files, watched, released, and
 * always cleaned up with its whole tree. Processes are known by a marker in their environment,
 * which a restore brings back, so clean-up neither misses one nor hits a stranger that got its pid.
 */
import { AssertionError } from 'node:assert';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from './compile.js';
import { testSource } from './paths.js';
import { childrenOf, isAlive, processesMarked, stateOf, treeOf } from './proc.js';
import { type Ended, leaveToNode, reap } from './reaper.js';
import { sleep, waitFor } from './wait.js';

export interface StartOptions {
  args?: readonly string[];
  env?: Record<string, string>;
  /** Extra gcc flags, for C programs. */
  flags?: readonly string[];
  /**
   * Folder, below the program's own, where the release file appears: for programs that change
   * their root.
   */
  releaseIn?: string;
  /** Descriptors of this process that it gets, by their number there. */
  descriptors?: Descriptors;
}

export type Descriptors = Readonly<Record<number, number>>;

/** What spawn() takes for descriptors beyond the first three. */
export function furtherDescriptors(given: Descriptors = {}): (number | 'ignore')[] {
  const most = Math.max(2, ...Object.keys(given).map(Number));
  return Array.from({ length: most - 2 }, (_, i) => given[i + 3] ?? 'ignore');
}

/** This kernel or machine lacks what the program needs. */
export class Skipped extends Error {}

const MARK = 'WOODFROG_TEST_MARK';
const running = new Set<Program>();

// The test runner ends a file that takes too long with SIGTERM: nothing may outlive it.
process.once('SIGTERM', () => process.exit(1));
process.once('SIGINT', () => process.exit(1));
process.once('exit', () => {
  for (const program of running) program.killNow();
});

export class Program {
  /** Its own folder: working directory, output, images. */
  readonly dir: string;
  readonly command: string;
  readonly pid: number;
  readonly #known = new Set<number>();
  readonly #child: ChildProcess;
  readonly #releaseIn: string;
  #childEnded: Ended | undefined;
  #restored = false;
  #ended: Ended | undefined;

  constructor(dir: string, command: readonly string[], options: StartOptions) {
    this.dir = dir;
    this.command = command.join(' ');
    this.#releaseIn = options.releaseIn ?? '';
    const [file = '', ...args] = command;
    const output = openSync(this.outputPath, 'a');
    this.#child = spawn(file, args, {
      detached: true,
      cwd: dir,
      stdio: ['ignore', output, output, ...furtherDescriptors(options.descriptors)],
      env: {
        PATH: process.env.PATH,
        HOME: '/',
        LC_ALL: 'C',
        ...options.env,
        [MARK]: dir,
      },
    });
    closeSync(output);
    if (this.#child.pid === undefined) {
      throw new AssertionError({ message: `Cannot start ${this.command}` });
    }
    this.pid = this.#child.pid;
    leaveToNode(this.#child);
    this.#child.once('exit', (code, signal) => {
      this.#childEnded = signal === null ? { code: code ?? -1 } : { signal: signalNumber(signal) };
    });
    running.add(this);
  }

  get outputPath(): string {
    return join(this.dir, 'output');
  }

  get releasePath(): string {
    return join(this.dir, this.#releaseIn, 'release');
  }

  output(): string {
    return readFileSync(this.outputPath, 'latin1');
  }

  /** How the program ended; undefined while it runs. */
  ended(): Ended | undefined {
    if (!this.#restored) return this.#childEnded;
    collectOrphans();
    return this.#ended;
  }

  /** Its living processes, parents first; remembered for clean-up. */
  tree(): number[] {
    if (this.ended() !== undefined) return [];
    const pids = treeOf(this.pid);
    for (const pid of pids) this.#known.add(pid);
    return pids;
  }

  /** Those that carry its mark, whoever their parents are; never a stranger that has got one of its numbers. */
  marked(): number[] {
    return processesMarked(`${MARK}=${this.dir}\0`);
  }

  async waitReady(timeoutMs = 20_000): Promise<void> {
    await waitFor(
      `READY of ${this.command}`,
      () => {
        if (this.output().includes('READY\n')) return true;
        if (this.ended() !== undefined) {
          const skipped = /^SKIP: (.*)$/m.exec(this.output())?.[1];
          if (skipped !== undefined) throw new Skipped(skipped);
          throw this.failure('ended before it was ready');
        }
        return false;
      },
      timeoutMs,
    );
    this.tree();
  }

  release(): void {
    writeFileSync(this.releasePath, '');
  }

  /** Lets it go on and verify itself; fails unless it says PASS and exits 0. */
  async mustPass(timeoutMs = 20_000): Promise<void> {
    this.release();
    const ended = await waitFor(`the end of ${this.command}`, () => this.ended(), timeoutMs).catch(
      (cause: Error) => {
        throw this.failure(cause.message);
      },
    );
    if (ended.code !== 0 || !this.output().endsWith('PASS\n')) {
      throw this.failure(`ended with ${JSON.stringify(ended)}, not with PASS`);
    }
  }

  /**
   * After a dump: every process of the tree must vanish; zombies that became ours are collected.
   */
  async mustVanish(pids: readonly number[], timeoutMs = 5_000): Promise<void> {
    await waitFor(
      `the end of processes ${pids.join(' ')} after the dump`,
      () => {
        collectOrphans();
        return pids.every((pid) => stateOf(pid) === undefined);
      },
      timeoutMs,
    );
    this.#restored = true;
    this.#ended = undefined;
  }

  /** Kills whatever is left of it, and removes its folder unless WOODFROG_KEEP is set. */
  async stop(): Promise<void> {
    for (let round = 0; round < 400; round++) {
      const alive = this.#living();
      for (const pid of alive) killQuietly(pid);
      collectOrphans();
      if (alive.length === 0) break;
      await sleep(5);
    }
    running.delete(this);
    if (process.env.WOODFROG_KEEP === undefined) rmSync(this.dir, { recursive: true, force: true });
  }

  /** For the end of the test process: no waiting. */
  killNow(): void {
    for (const pid of this.#living()) killQuietly(pid);
    if (process.env.WOODFROG_KEEP === undefined) rmSync(this.dir, { recursive: true, force: true });
  }

  /** Its living processes, by marker or by number; what is not below us is a stranger. */
  #living(): number[] {
    const below = new Set(treeOf(process.pid));
    this.tree();
    const known = [...this.#known].filter((pid) => below.has(pid));
    return [...new Set([...known, ...this.marked()])].filter(isAlive);
  }

  failure(what: string): AssertionError {
    const output = this.output();
    const shown = output.length > 3000 ? `...${output.slice(-3000)}` : output;
    return new AssertionError({ message: `${this.command}: ${what}\n--- its output\n${shown}` });
  }

  /** Tells it how one of our adopted children ended. */
  noteEnd(pid: number, ended: Ended): void {
    if (pid === this.pid && this.#restored) this.#ended = ended;
  }
}

/**
 * Collects every dead orphan that became ours; a zombie's number would stand in the way of a
 * restore.
 */
function collectOrphans(): void {
  for (const pid of childrenOf(process.pid)) {
    if (stateOf(pid) !== 'Z') continue;
    const ended = reap(pid);
    if (ended !== undefined) for (const program of running) program.noteEnd(pid, ended);
  }
}

const signalNumber = (name: NodeJS.Signals): number => constants.signals[name];

let python: string | undefined;
/** The interpreter itself, past any shim. */
export function pythonPath(): string {
  python ??= execFileSync('python3', ['-c', 'import sys; print(sys.executable)']).toString().trim();
  return python;
}

/** SIGKILL for whoever is still there. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A fresh folder for one program or one test. */
export const freshDir = (): string => mkdtempSync(join(tmpdir(), 'woodfrog-test-'));

/**
 * Starts `test/<name>`: a C file is compiled first, a .py file runs under python3, .pl perl, .mjs
 * this Node, .sh bash.
 */
export function startProgram(name: string, options: StartOptions = {}): Program {
  const dir = freshDir();
  const release = join(dir, 'release');
  const command = [...interpreter(name, options), release, ...(options.args ?? [])];
  return new Program(dir, command, options);
}

/** Starts any command in a folder of its own. */
export function startCommand(command: readonly string[], options: StartOptions = {}): Program {
  return new Program(freshDir(), command, options);
}

function interpreter(name: string, options: StartOptions): string[] {
  if (name.endsWith('.c')) return [compile(name, options.flags ?? [])];
  const source = testSource(name);
  if (name.endsWith('.py')) return [pythonPath(), source];
  if (name.endsWith('.pl')) return ['perl', source];
  if (name.endsWith('.mjs')) return [process.execPath, source];
  return ['bash', source];
}

/** Ends and removes every program this test process started; for after() hooks and failures. */
export async function stopAll(): Promise<void> {
  for (const program of [...running]) await program.stop();
}
