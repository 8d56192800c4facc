/**
 * A tree of which one process is stopped: wherever the tool is killed, it stays stopped, and goes on when it is told to;
 * of a killed restore nothing is left.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { isAlive, procText, threadsOf } from '../support/proc.js';
import { stopAll } from '../support/program.js';
import { describeRun, mustSucceed, type ToolRun, tool } from '../support/tool.js';
import { sleep, waitFor } from '../support/wait.js';
import { type Bench, dump, newBench, type RunOptions, restore, tryEach } from './bench.js';
import { killVictim, mustBeUnharmed, Surroundings } from './victim.js';

const skip = basename(tool.path) === 'criu' ? 'CRIU has no WOODFROG_FAULT' : false;

/** Every thread: stopped, and traced by nobody. */
function isStopped(pid: number): boolean {
  return threadsOf(pid).every((tid) => {
    const status = procText(`${pid}/task/${tid}`, 'status') ?? '';
    return /^State:\s+T/m.test(status) && /^TracerPid:\s+0$/m.test(status);
  });
}

const mustBeStopped = (pid: number): Promise<unknown> =>
  waitFor(`pid ${pid} to be stopped`, () => isStopped(pid), 10_000);

/** The root, which has threads, and a child in turn. */
const targetOf = ({ victim: { pids } }: Bench, n: number): number =>
  pids[n % 2 === 0 ? 0 : pids.length - 1] ?? 0;

async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await mustBeStopped(pid);
}

async function effectsOf(
  b: Bench,
  run: (b: Bench, options: RunOptions) => Promise<ToolRun>,
): Promise<string[]> {
  const file = join(b.work, 'count');
  mustSucceed(await run(b, { count: file }));
  return readFileSync(file, 'utf8').trim().split('\n');
}

const dumpRunning = (b: Bench, options: RunOptions): Promise<ToolRun> =>
  dump(b, { ...options, args: ['-R'] });

async function killedDump(b: Bench, n: number): Promise<void> {
  const target = targetOf(b, n);
  await stop(target);
  const run = await dumpRunning(b, { fault: `kill:${n}` });
  if (run.status !== 0) assert.equal(run.signal, 'SIGKILL', describeRun(run));
  await mustBeStopped(target);
  process.kill(target, 'SIGCONT');
  await mustBeUnharmed(b.victim, { strayMappings: true });
}

/** A bench whose victim was dumped while its root was stopped, and is gone. */
async function stoppedBench(): Promise<Bench> {
  const b = await newBench();
  await stop(targetOf(b, 0));
  mustSucceed(await dump(b));
  await b.victim.program.mustVanish(b.victim.pids);
  return b;
}

/** A kill behind the commit point leaves the whole tree; whoever has to die does so at once. */
async function staysWhole({ victim: { pids } }: Bench, target: number): Promise<boolean> {
  const until = performance.now() + 1500;
  while (performance.now() < until) {
    const alive = pids.filter((pid) => isAlive(pid));
    if (alive.length === 0) return false;
    await sleep(50);
  }
  return pids.every((pid) => isAlive(pid)) && isStopped(target);
}

async function killedRestore(b: Bench, n: number): Promise<void> {
  const target = targetOf(b, 0);
  const surroundings = new Surroundings(b.victim, b.images, b.scratch);
  const run = await restore(b, { fault: `kill:${n}` });
  if (run.status !== 0) {
    assert.equal(run.signal, 'SIGKILL', describeRun(run));
    if (!(await staysWhole(b, target))) {
      await surroundings.mustBeAsBefore();
      await b.victim.program.mustVanish(b.victim.pids);
      mustSucceed(await restore(b));
    }
  }
  await mustBeStopped(target);
  process.kill(target, 'SIGCONT');
  await mustBeUnharmed(b.victim, { strayMappings: false });
  await killVictim(b.victim);
}

describe('a stopped process', { skip }, () => {
  after(stopAll);

  test('stays stopped wherever a dump is killed, and goes on when told to', (t) =>
    bounded(t, async () => {
      let b = await newBench();
      await stop(targetOf(b, 0));
      const effects = await effectsOf(b, dumpRunning);
      process.kill(targetOf(b, 0), 'SIGCONT');
      const renew = async (): Promise<void> => {
        await b.victim.program.stop();
        b = await newBench();
      };
      await tryEach(t, effects, { act: (n) => killedDump(b, n), renew });
      await b.victim.program.mustPass();
    }));

  test('comes back stopped, or not at all, wherever a restore is killed', (t) =>
    bounded(t, async () => {
      let b = await stoppedBench();
      const renew = async (): Promise<void> => {
        b = await stoppedBench();
      };
      const effects = await effectsOf(b, restore);
      await mustBeStopped(targetOf(b, 0));
      await killVictim(b.victim);
      await tryEach(t, effects, { act: (n) => killedRestore(b, n), renew });
    }));
});
