/**
 * Others who act meanwhile: tasks that are killed, stopped and continued by somebody else, at random moments of a dump or
 * a restore; and trees that never stand still.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { processesMarked, stateOf, treeOf } from '../support/proc.js';
import { type Program, startProgram, stopAll } from '../support/program.js';
import { describeRun, mustSucceed, saidBy, type ToolRun, tool } from '../support/tool.js';
import { sleep, waitFor } from '../support/wait.js';
import { type Bench, BUDGET_MS, dump, dumpedBench, imagesIn, newBench, restore } from './bench.js';
import { killVictim, mustBeUnharmed, Surroundings } from './victim.js';

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Repeats `act` while the time lasts; how often it ended in what. */
async function repeat(t: TestContext, act: () => Promise<string>, most = 1000): Promise<void> {
  const started = performance.now();
  const outcomes = new Map<string, number>();
  for (let i = 0; i < most && performance.now() - started < BUDGET_MS; i++) {
    const outcome = await act();
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
}

/** It went well, or it says why not, and nobody saw it fall over. */
function judge(run: ToolRun): string {
  if (run.status === 0) return 'done';
  assert.equal(run.signal, null, describeRun(run));
  assert.doesNotMatch(saidBy(run), /Internal error/, describeRun(run));
  assert.match(run.stderr, /^Error: Cannot /m, describeRun(run));
  return 'refused';
}

/** Somebody stops a process of the tree and lets it go on again, at any time. */
async function stoppedMeanwhile(b: Bench, elapsedMs: number): Promise<string> {
  const { program, pids } = b.victim;
  const target = pids[Math.floor(Math.random() * pids.length)] as number;
  const running = dump(b, { args: ['-R'] });
  await sleep(Math.random() * elapsedMs);
  signalIfThere(target, 'SIGSTOP');
  const outcome = judge(await running);
  // It stays stopped, whatever the dump did meanwhile.
  await waitFor(`pid ${target} to be stopped`, () => stateOf(target) === 'T', 10_000);
  if (Math.random() < 0.5) {
    const late = judge(await dump(b, { args: ['-R'] }));
    assert.equal(late, 'done');
    await waitFor(`pid ${target} to be stopped`, () => stateOf(target) === 'T', 10_000);
  }
  signalIfThere(target, 'SIGCONT');
  await mustBeUnharmed(b.victim, { strayMappings: false });
  assert.equal(program.ended(), undefined);
  return outcome;
}

/** Somebody sends SIGSTOP and SIGCONT at once: in the end the process runs. */
async function continuedMeanwhile(b: Bench, elapsedMs: number): Promise<string> {
  const running = dump(b, { args: ['-R'] });
  for (let i = 0; i < 5; i++) {
    await sleep((Math.random() * elapsedMs) / 5);
    for (const pid of b.victim.pids) {
      signalIfThere(pid, 'SIGSTOP');
      signalIfThere(pid, 'SIGCONT');
    }
  }
  const outcome = judge(await running);
  await mustBeUnharmed(b.victim, { strayMappings: false });
  return outcome;
}

/** Somebody kills one of the processes that are being restored: all the others go, too. */
async function killedMeanwhile(b: Bench, elapsedMs: number): Promise<string> {
  const surroundings = new Surroundings(b.victim, b.images, b.scratch);
  let toolPid = 0;
  const running = restore(b, { onStart: (pid) => (toolPid = pid) });
  const until = performance.now() + Math.random() * elapsedMs;
  const due = () => performance.now() > until && treeOf(toolPid).length > 1;
  await waitFor('a process to kill', () => due() || stateOf(toolPid) === undefined, 60_000);
  const [, ...born] = treeOf(toolPid);
  const target = born[Math.floor(Math.random() * born.length)];
  if (target !== undefined) signalIfThere(target, 'SIGKILL');
  const outcome = judge(await running);
  if (outcome === 'done') await killVictim(b.victim);
  else {
    await surroundings.mustBeAsBefore();
    await b.victim.program.mustVanish(b.victim.pids);
  }
  return target === undefined ? 'too late' : outcome;
}

/** A dump of a tree that changes all the time, left running: whole, or refused. */
async function caught(program: Program): Promise<string> {
  const dir = join(program.dir, 'images');
  const outcome = judge(await tool.attemptDump(program.pid, dir, ['-R', '--timeout', '5']));
  assert.equal(imagesIn(dir).includes('inventory.img'), outcome === 'done');
  assert.equal(program.ended(), undefined, program.output());
  return outcome;
}

/** The same, and back again from the images: nobody may have been missed. */
async function caughtAndBack(program: Program): Promise<string> {
  const dir = join(program.dir, 'images');
  const outcome = judge(await tool.attemptDump(program.pid, dir, ['--timeout', '5']));
  if (outcome !== 'done') return outcome;
  await program.mustVanish([program.pid]);
  const left = processesMarked(`WOODFROG_TEST_MARK=${program.dir}\0`).filter(
    (pid) => stateOf(pid) !== 'Z',
  );
  assert.deepEqual(left, [], 'processes of the tree were not dumped');
  // Another program of this host may have got one of the numbers, for a while.
  let restored = await tool.attemptRestore(dir);
  const until = performance.now() + 20_000;
  while (/is taken by/.test(saidBy(restored)) && performance.now() < until) {
    await sleep(200);
    restored = await tool.attemptRestore(dir);
  }
  mustSucceed(restored);
  return outcome;
}

describe('with others acting meanwhile', () => {
  after(stopAll);

  test('a process stopped by somebody stays stopped over a dump, and goes on when told to', (t) =>
    bounded(t, async () => {
      const b = await newBench();
      const { elapsedMs } = mustSucceed(await dump(b, { args: ['-R'] }));
      await repeat(t, () => stoppedMeanwhile(b, elapsedMs));
      await b.victim.program.mustPass();
    }));

  test('a process stopped and continued by somebody runs after a dump', (t) =>
    bounded(t, async () => {
      const b = await newBench();
      const { elapsedMs } = mustSucceed(await dump(b, { args: ['-R'] }));
      await repeat(t, () => continuedMeanwhile(b, elapsedMs));
      await b.victim.program.mustPass();
    }));

  test('a process killed during a restore takes along all that was born', (t) =>
    bounded(t, async () => {
      const b = await dumpedBench();
      const { elapsedMs } = mustSucceed(await restore(b));
      await killVictim(b.victim);
      await repeat(t, () => killedMeanwhile(b, elapsedMs));
    }));

  for (const name of ['processes', 'threads', 'bomb', 'execs']) {
    test(`${name}: what comes and goes is caught whole or not at all, and no end is lost`, (t) =>
      bounded(t, async () => {
        const program = startProgram('faults/churn.c', { args: [name] });
        await program.waitReady();
        await repeat(t, () => caught(program));
        await program.mustPass(60_000);
      }));

    test(`${name}: what comes and goes goes on from a checkpoint, and no end is lost`, (t) =>
      bounded(t, async () => {
        const program = startProgram('faults/churn.c', { args: [name] });
        await program.waitReady();
        await repeat(t, () => caughtAndBack(program), 5);
        await program.mustPass(60_000);
      }));
  }
});
