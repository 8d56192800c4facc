/**
 * The frame of a kernel test: one small program that sets something up, says READY, is
 * checkpointed, is released, and verifies itself. Three tests come of it: a control run without a
 * checkpoint, a dump and restore (in several rounds if asked), and a dump that leaves it running.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { isAlive } from './proc.js';
import { type Program, Skipped, type StartOptions, startProgram, stopAll } from './program.js';
import { compareSnapshots, type Snapshot, takeSnapshot } from './snapshot.js';
import { type Tool, tool } from './tool.js';

export interface View {
  program: Program;
  /** The tree's processes when it was ready. */
  pids: readonly number[];
  snapshot: Snapshot;
  imagesDir: string;
}

export interface KernelTest extends StartOptions {
  /** A sentence that says what holds. */
  name: string;
  /** The program, from test/kernel/: 'pipes/data.c'. */
  program: string;
  /** For programs that can only be checkpointed without being replaced. */
  leaveRunningOnly?: boolean;
  /** Checkpoints in a row; 1 if left out. */
  rounds?: number;
  /** Facts that this program may see changed, on top of none. */
  ignore?: readonly RegExp[];
  dumpArgs?: readonly string[];
  restoreArgs?: readonly string[];
  timeoutMs?: number;
  /** Why the real CRIU does not pass: then, under CRIU, its failure is expected and not counted. */
  criuFails?: string;
  /** Checks from outside, before each dump, between dump and restore, and after each restore. */
  beforeDump?: (view: View) => void | Promise<void>;
  betweenRuns?: (view: View) => void | Promise<void>;
  afterRestore?: (view: View) => void | Promise<void>;
}

/** Who dumps, and who restores. */
export interface Pair {
  dumper: Tool;
  restorer: Tool;
}

type Declare = (spec: KernelTest) => void;
let declare: Declare = ownTests;

/** Declares the tests of one program. */
export const kernelTest: Declare = (spec) => declare(spec);

/** From here on each program gets the tests that `other` declares, in place of its own. */
export function declareBy(other: Declare): void {
  declare = other;
}

function ownTests(spec: KernelTest): void {
  describe(spec.name, () => {
    after(stopAll);
    const todo = tool.isCriu && spec.criuFails !== undefined ? { todo: spec.criuFails } : {};
    test('control: passes without a checkpoint', (t) => bounded(t, () => control(spec)));
    if (spec.leaveRunningOnly !== true) {
      test('passes after dump and restore', todo, (t) =>
        bounded(t, () => checkpoint(spec, { dumper: tool, restorer: tool })),
      );
    }
    test('goes on after a dump with -R', todo, (t) => bounded(t, () => leaveRunning(spec)));
  });
}

/** Runs one test; its programs never outlive it. */
export async function bounded(t: TestContext, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Skipped)) throw error;
    t.skip(error.message);
  } finally {
    await stopAll();
  }
}

const start = (spec: KernelTest): Program => startProgram(join('kernel', spec.program), spec);

async function control(spec: KernelTest): Promise<void> {
  const program = start(spec);
  await program.waitReady(spec.timeoutMs);
  await program.mustPass(spec.timeoutMs);
}

/** Starts the program, takes it through its rounds of dump and restore, and lets it verify itself. */
export async function checkpoint(spec: KernelTest, { dumper, restorer }: Pair): Promise<void> {
  const program = start(spec);
  await program.waitReady(spec.timeoutMs);
  const rounds = spec.rounds ?? 1;
  for (let round = 1; round <= rounds; round++) {
    const view = viewOf(program, round);
    await spec.beforeDump?.(view);
    await dumper.dump(program.pid, view.imagesDir, ...(spec.dumpArgs ?? []));
    await program.mustVanish(view.pids);
    await spec.betweenRuns?.(view);
    await restorer.restore(view.imagesDir, ...(spec.restoreArgs ?? []));
    mustLookTheSame(view, spec, { when: 'over dump and restore', restorer });
    await spec.afterRestore?.(view);
  }
  await program.mustPass(spec.timeoutMs);
}

async function leaveRunning(spec: KernelTest): Promise<void> {
  const program = start(spec);
  await program.waitReady(spec.timeoutMs);
  const view = viewOf(program, 1);
  await spec.beforeDump?.(view);
  await tool.dump(program.pid, view.imagesDir, '-R', ...(spec.dumpArgs ?? []));
  mustLookTheSame(view, spec, { when: 'over a dump with -R' });
  assert.ok(readdirSync(view.imagesDir).includes('inventory.img'), 'the dump wrote inventory.img');
  await program.mustPass(spec.timeoutMs);
}

function viewOf(program: Program, round: number): View {
  return {
    program,
    pids: program.tree(),
    snapshot: takeSnapshot(program.pid),
    imagesDir: join(program.dir, `images-${round}`),
  };
}

function mustLookTheSame(
  { program, snapshot }: View,
  spec: KernelTest,
  { when, restorer }: { when: string; restorer?: Tool },
): void {
  const now = takeSnapshot(program.pid, { byCriu: restorer?.isCriu });
  program.tree();
  if (!isAlive(program.pid)) throw program.failure(`ended at once ${when}`);
  const differences = compareSnapshots(snapshot, now, spec.ignore);
  if (differences.length > 0)
    assert.fail(`Changed ${when}:\n${differences.slice(0, 40).join('\n')}`);
}
