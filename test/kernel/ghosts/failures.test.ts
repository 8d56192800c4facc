/** A dump or restore that fails or dies at any of its effects leaves no file where deleted ones were. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { bounded } from '../../support/kernel.js';
import { isAlive, treeOf } from '../../support/proc.js';
import { type Program, startProgram } from '../../support/program.js';
import { describeRun, mustSucceed, type ToolRun, tool } from '../../support/tool.js';
import { waitFor } from '../../support/wait.js';

const POINTS = 24;
const KINDS = ['kill', 'fail'] as const;

const start = async (play: string): Promise<Program> => {
  const program = startProgram('kernel/ghosts/ghosts.c', { args: [play] });
  await program.waitReady();
  return program;
};

const filesOf = ({ dir }: Program): string[] =>
  readdirSync(dir).filter((name) => !/^images|^count$/.test(name));

/** Effects spread evenly over a run; a little elsewhere each time. */
function effects(count: number): number[] {
  const offset = Math.random();
  return Array.from({ length: POINTS }, (_, i) => 1 + Math.floor(((i + offset) * count) / POINTS));
}

const countFrom = (file: string): number => Number(readFileSync(file, 'utf8').trim());

async function dumps(play: string, t: TestContext): Promise<void> {
  const program = await start(play);
  const before = filesOf(program);
  const images = join(program.dir, 'images');
  const count = join(program.dir, 'count');
  const dump = (env: Record<string, string>): Promise<ToolRun> => {
    rmSync(images, { recursive: true, force: true });
    return tool.attemptDump(program.pid, images, ['-R', '--link-remap'], { env });
  };
  mustSucceed(await dump({ WOODFROG_FAULT_COUNT: count }));
  const kept = filesOf(program).filter((name) => !before.includes(name));
  for (const name of kept) rmSync(join(program.dir, name));
  for (const n of effects(countFrom(count))) {
    const run = await dump({ WOODFROG_FAULT: `fail:${n}` });
    const left = filesOf(program).filter((name) => !before.includes(name));
    // Complete images refer to the names that were made for them.
    const isComplete = existsSync(join(images, 'inventory.img'));
    assert.equal(left.length, isComplete ? kept.length : 0, `at effect ${n}: ${describeRun(run)}`);
    for (const name of left) rmSync(join(program.dir, name));
  }
  t.diagnostic(`${kept.length} further names`);
  await program.mustPass();
}

async function restores(play: string): Promise<void> {
  const program = await start(play);
  const pids = program.tree();
  const images = join(program.dir, 'images');
  const count = join(program.dir, 'count');
  const restore = (env: Record<string, string>): Promise<ToolRun> =>
    tool.attemptRestore(images, [], { env });
  mustSucceed(await tool.attemptDump(program.pid, images, ['--ghost-limit', '64M']));
  await program.mustVanish(pids);
  const before = filesOf(program);
  const end = async (): Promise<void> => {
    for (const pid of treeOf(program.pid).filter(isAlive)) process.kill(pid, 'SIGKILL');
    await program.mustVanish(pids);
  };
  mustSucceed(await restore({ WOODFROG_FAULT_COUNT: count }));
  await end();
  for (const kind of KINDS) {
    for (const n of effects(countFrom(count))) {
      const run = await restore({ WOODFROG_FAULT: `${kind}:${n}` });
      // Killed behind its commit a restore leaves a tree that runs.
      const gone = waitFor('its end', () => treeOf(program.pid).filter(isAlive).length === 0, 300);
      await gone.catch(() => {});
      assert.deepEqual(filesOf(program), before, `${kind} at effect ${n}: ${describeRun(run)}`);
      await end();
    }
  }
  mustSucceed(await restore({}));
  await program.mustPass();
}

const skip = tool.isCriu ? { skip: 'CRIU has no WOODFROG_FAULT' } : {};
describe('nothing is left where deleted files were', skip, () => {
  test('by a dump that fails', (t) => bounded(t, () => dumps('linked', t)));
  for (const play of ['names', 'directory', 'mapping']) {
    test(`by a restore that fails or dies: ${play}`, (t) => bounded(t, () => restores(play)));
  }
});
