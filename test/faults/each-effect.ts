/**
 * A fault at every effect of a dump or of a restore in turn: the tool is killed there, or one of its system calls fails.
 * The tool's part: WOODFROG_FAULT=kill:N | fail:N[:ERRNO], and WOODFROG_FAULT_COUNT=FILE, where it writes the effects of
 * a run.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { describeRun, mustSucceed, saidBy, type ToolRun, tool } from '../support/tool.js';
import {
  type Bench,
  backAgain,
  dump,
  imagesIn,
  type RunOptions,
  restore,
  tryEach,
} from './bench.js';
import { killVictim, mustBeUnharmed, Surroundings } from './victim.js';

export type Kind = 'kill' | 'fail';

/** The effects of a whole run: the names of system calls. */
export async function effectsOf(
  b: Bench,
  run: (b: Bench, options: RunOptions) => Promise<ToolRun>,
): Promise<string[]> {
  const file = join(b.work, 'count');
  mustSucceed(await run(b, { count: file }));
  const names = readFileSync(file, 'utf8').trim().split('\n');
  assert.ok(names.length > 10, `the run counted ${names.length} effects`);
  return names;
}

/** What the status of a run with a fault may be. */
export function judgeStatus(run: ToolRun, kind: Kind): void {
  if (run.status === 0) return;
  if (kind === 'kill') {
    assert.equal(run.signal, 'SIGKILL', describeRun(run));
    return;
  }
  assert.equal(run.signal, null, describeRun(run));
  assert.match(saidBy(run), /Error/, describeRun(run));
}

export async function faultyDump(b: Bench, kind: Kind, n: number): Promise<void> {
  const run = await dump(b, { fault: `${kind}:${n}` });
  judgeStatus(run, kind);
  if (kind === 'fail' && run.status !== 0) {
    assert.deepEqual(imagesIn(b.images), [], `images are left: ${describeRun(run)}`);
  }
  await mustHaveSettled(b, run, kind);
}

/**
 * Before its commit point a dump that ended badly must leave the tree as it was. Behind it, shown
 * by inventory.img, all must go, and the images be good.
 */
export async function mustHaveSettled(b: Bench, run: ToolRun, kind: Kind): Promise<void> {
  if (run.status === 0 || imagesIn(b.images).includes('inventory.img')) {
    const { program, pids } = b.victim;
    const hasGone = await program.mustVanish(pids, run.status === 0 ? 5_000 : 500).then(
      () => true,
      () => false,
    );
    if (hasGone) return await backAgain(b);
    assert.notEqual(run.status, 0, 'the dump succeeded, and its tasks live');
  }
  b.strays ||= kind === 'kill';
  await mustBeUnharmed(b.victim, { strayMappings: b.strays });
}

async function faultyRestore(b: Bench, kind: Kind, n: number): Promise<void> {
  const surroundings = new Surroundings(b.victim, b.images, b.scratch);
  const run = await restore(b, { fault: `${kind}:${n}` });
  judgeStatus(run, kind);
  if (run.status !== 0) {
    const committed = kind === 'kill' && (await isRestored(b));
    if (!committed) {
      await surroundings.mustBeAsBefore();
      await b.victim.program.mustVanish(b.victim.pids);
      mustSucceed(await restore(b));
    }
  }
  await mustBeUnharmed(b.victim, { strayMappings: false });
  await killVictim(b.victim);
}

/** A kill behind the commit point leaves the whole tree running; anything less must vanish. */
async function isRestored(b: Bench): Promise<boolean> {
  return mustBeUnharmed(b.victim, { strayMappings: false }).then(
    () => true,
    () => false,
  );
}

/** The bench of a test, and how to get another one after a harm. */
export async function onBench(
  make: () => Promise<Bench>,
  use: (current: () => Bench, renew: () => Promise<void>) => Promise<void>,
): Promise<void> {
  let b = await make();
  const renew = async (): Promise<void> => {
    await b.victim.program.stop();
    b = await make();
  };
  await use(() => b, renew);
}

export async function everyDump(
  t: TestContext,
  kind: Kind,
  current: () => Bench,
  renew: () => Promise<void>,
): Promise<void> {
  const effects = await effectsOf(current(), dump);
  await backAgain(current());
  await tryEach(t, effects, { act: (n) => faultyDump(current(), kind, n), renew });
  await current().victim.program.mustPass();
}

export async function everyRestore(
  t: TestContext,
  kind: Kind,
  current: () => Bench,
  renew: () => Promise<void>,
): Promise<void> {
  const effects = await effectsOf(current(), restore);
  await mustBeUnharmed(current().victim, { strayMappings: false });
  await killVictim(current().victim);
  await tryEach(t, effects, { act: (n) => faultyRestore(current(), kind, n), renew });
}

export const options = {
  timeout: 7_200_000,
  ...(basename(tool.path) === 'criu' ? { skip: 'CRIU has no WOODFROG_FAULT' } : {}),
};
