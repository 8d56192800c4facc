/**
 * The frame of a kernel test: one small program that sets something up, says READY, is
 * checkpointed, is released, and verifies itself. Three tests come of it: a control run without a
 * checkpoint, a dump and restore (in several rounds if asked), and a dump that leaves it running.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
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
  /** How long what looks changed may take to look the same; for pairs that are known to differ. */
  settleMs?: number;
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
export async function checkpoint(spec: KernelTest, pair: Pair): Promise<void> {
  const { dumper, restorer } = pair;
  const program = start(spec);
  await program.waitReady(spec.timeoutMs);
  const rounds = spec.rounds ?? 1;
  for (let round = 1; round <= rounds; round++) {
    const view = await viewOf(program, round);
    await spec.beforeDump?.(view);
    await dumper.dump(program.pid, view.imagesDir, ...(spec.dumpArgs ?? []));
    await program.mustVanish(view.pids);
    await spec.betweenRuns?.(view);
    await restorer.restore(view.imagesDir, ...(spec.restoreArgs ?? []));
    await mustLookTheSame(view, spec, { ...pair, when: 'over dump and restore' });
    await spec.afterRestore?.(view);
  }
  await program.mustPass(spec.timeoutMs);
}

async function leaveRunning(spec: KernelTest): Promise<void> {
  const program = start(spec);
  await program.waitReady(spec.timeoutMs);
  const view = await viewOf(program, 1);
  await spec.beforeDump?.(view);
  await tool.dump(program.pid, view.imagesDir, '-R', ...(spec.dumpArgs ?? []));
  await mustLookTheSame(view, spec, { when: 'over a dump with -R' });
  assert.ok(readdirSync(view.imagesDir).includes('inventory.img'), 'the dump wrote inventory.img');
  await program.mustPass(spec.timeoutMs);
}

async function viewOf(program: Program, round: number): Promise<View> {
  return {
    program,
    pids: program.tree(),
    snapshot: await settledSnapshot(program.pid),
    imagesDir: join(program.dir, `images-${round}`),
  };
}

/** How long a program may take to come to rest, on a loaded machine. */
const SETTLE_MS = 3000;
const BETWEEN_MS = 15;

/** What does not change any more: a program says READY a moment before its last call has returned. */
export async function settledSnapshot(pid: number): Promise<Snapshot> {
  const end = Date.now() + SETTLE_MS;
  let before = takeSnapshot(pid);
  while (Date.now() < end) {
    await setTimeout(BETWEEN_MS);
    const now = takeSnapshot(pid);
    if (compareSnapshots(before, now).length === 0) return now;
    before = now;
  }
  return before;
}

/** A program that looks for its release now and then is caught with that file open: it is looked at again. */
async function mustLookTheSame(
  { program, snapshot }: View,
  spec: KernelTest,
  { when, restorer, settleMs = SETTLE_MS }: { when: string; restorer?: Tool; settleMs?: number },
): Promise<void> {
  const byCriu = restorer?.isCriu;
  const end = Date.now() + settleMs;
  let differences: string[] = [];
  do {
    program.tree();
    if (!isAlive(program.pid)) throw program.failure(`ended at once ${when}`);
    differences = compareSnapshots(snapshot, takeSnapshot(program.pid, { byCriu }), spec.ignore);
    if (differences.length === 0) return;
    await setTimeout(BETWEEN_MS);
  } while (Date.now() < end);
  assert.fail(`Changed ${when}:\n${differences.slice(0, 40).join('\n')}`);
}
