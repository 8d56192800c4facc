/** Ctrl-C, SIGTERM and --timeout: a dump or a restore that is told to stop takes back what it has done. */
import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { startProgram, stopAll } from '../support/program.js';
import { compareSnapshots, takeSnapshot } from '../support/snapshot.js';
import { describeRun, mustSucceed, saidBy, type ToolRun, tool } from '../support/tool.js';
import {
  type Bench,
  BUDGET_MS,
  backAgain,
  dump,
  dumpedBench,
  imagesIn,
  newBench,
  restore,
} from './bench.js';
import { killVictim, mustBeUnharmed, Surroundings } from './victim.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Calls `act` with moments of a run that takes about `elapsedMs`, while the time lasts. */
async function atMoments(
  t: TestContext,
  elapsedMs: number,
  act: (signalled: { by: NodeJS.Signals; afterMs: number }) => Promise<ToolRun>,
): Promise<void> {
  const started = performance.now();
  const outcomes = new Map<string, number>();
  for (let i = 0; i < 400 && performance.now() - started < BUDGET_MS; i++) {
    const by = SIGNALS[i % 2] as NodeJS.Signals;
    const run = await act({ by, afterMs: Math.random() * elapsedMs });
    const outcome = run.signal ?? (run.status === 0 ? 'done' : 'took it back');
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
}

/** It did all, was ended before it began, or says that it was interrupted. */
function judge(run: ToolRun): void {
  if (run.status === 0 || run.signal !== null) return;
  assert.match(saidBy(run), /interrupted by SIG(INT|TERM)/, describeRun(run));
}

async function interruptedDump(
  b: Bench,
  signalled: { by: NodeJS.Signals; afterMs: number },
): Promise<ToolRun> {
  const run = await dump(b, { signalled });
  judge(run);
  // Behind the end of its work the signal's default action is back: all was done then.
  if (run.status === 0 || imagesIn(b.images).includes('inventory.img')) {
    await backAgain(b);
  } else {
    assert.deepEqual(imagesIn(b.images), [], describeRun(run));
    await mustBeUnharmed(b.victim, { strayMappings: false });
  }
  return run;
}

async function interruptedRestore(
  b: Bench,
  signalled: { by: NodeJS.Signals; afterMs: number },
): Promise<ToolRun> {
  const surroundings = new Surroundings(b.victim, b.images, b.scratch);
  const run = await restore(b, { signalled });
  judge(run);
  const isBack = run.status === 0 || (run.signal !== null && b.victim.program.marked().length > 0);
  if (isBack) {
    await mustBeUnharmed(b.victim, { strayMappings: false });
    await killVictim(b.victim);
  } else {
    await surroundings.mustBeAsBefore();
    await b.victim.program.mustVanish(b.victim.pids);
  }
  return run;
}

describe('told to stop', () => {
  after(stopAll);

  test('at any moment, a dump leaves the program as it was and no image', (t) =>
    bounded(t, async () => {
      const b = await newBench();
      const { elapsedMs } = mustSucceed(await dump(b));
      await backAgain(b);
      await atMoments(t, elapsedMs, (signalled) => interruptedDump(b, signalled));
      await b.victim.program.mustPass();
    }));

  test('at any moment, a restore leaves nothing', (t) =>
    bounded(t, async () => {
      const b = await dumpedBench();
      const { elapsedMs } = mustSucceed(await restore(b));
      await killVictim(b.victim);
      await atMoments(t, elapsedMs, (signalled) => interruptedRestore(b, signalled));
    }));

  test('by --timeout, a dump of a parent inside vfork names it, in time, and leaves it alone', (t) =>
    bounded(t, async () => {
      const program = startProgram('kernel/library/vfork.c');
      await program.waitReady();
      const before = takeSnapshot(program.pid);
      const dir = `${program.dir}/images`;
      const run = await tool.attemptDump(program.pid, dir, ['--timeout', '1']);
      assert.equal(run.status, 1, describeRun(run));
      assert.match(run.stderr, new RegExp(`timed out after 1 s .*pid ${program.pid} .*vfork`));
      assert.ok(run.elapsedMs < 30_000, `it took ${run.elapsedMs} ms`);
      assert.deepEqual(imagesIn(dir), []);
      assert.deepEqual(compareSnapshots(before, takeSnapshot(program.pid)), []);
      await program.mustPass();
    }));
});
