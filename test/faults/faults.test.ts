/**
 * Kills the tool, or fails one of its system calls, at every effect of a dump and of a restore in
 * turn. The tool's part: WOODFROG_FAULT=kill:N | fail:N[:ERRNO], and WOODFROG_FAULT_COUNT=FILE,
 * where it writes how many effects a run has. Bounded by time; FAULTS=all goes through them all,
 * FAULTS=17 only through the 17th.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { stopAll } from '../support/program.js';
import { describeRun, mustSucceed, saidBy, type ToolRun, tool } from '../support/tool.js';
import { waitFor } from '../support/wait.js';
import {
  isGone,
  killVictim,
  mustBeUnharmed,
  Surroundings,
  startVictim,
  type Victim,
} from './victim.js';

const BUDGET_MS = 45_000;
type Kind = 'kill' | 'fail';

/**
 * Folders of one victim: images that stay, images of the run under test, the tool's scratch and
 * work folders.
 */
interface Bench {
  victim: Victim;
  images: string;
  scratch: string;
  work: string;
  /** A killed dump may have left mappings behind, which later images then hold. */
  strays: boolean;
}

function bench(victim: Victim): Bench {
  const at = (name: string): string => {
    const dir = join(victim.program.dir, name);
    mkdirSync(dir);
    return dir;
  };
  return { victim, images: at('images'), scratch: at('scratch'), work: at('work'), strays: false };
}

const environment = ({ scratch }: Bench, fault: string): Record<string, string> => ({
  TMPDIR: scratch,
  ...(fault === '' ? {} : { WOODFROG_FAULT: fault }),
});

function dump(b: Bench, fault = '', count = ''): Promise<ToolRun> {
  rmSync(b.images, { recursive: true, force: true });
  const env = {
    ...environment(b, fault),
    ...(count === '' ? {} : { WOODFROG_FAULT_COUNT: count }),
  };
  return tool.attemptDump(b.victim.program.pid, b.images, ['-W', b.work], { env, cwd: b.scratch });
}

function restore(b: Bench, fault = '', count = ''): Promise<ToolRun> {
  const env = {
    ...environment(b, fault),
    ...(count === '' ? {} : { WOODFROG_FAULT_COUNT: count }),
  };
  return tool.attemptRestore(b.images, ['-W', b.work], { env, cwd: b.scratch });
}

async function backAgain(b: Bench): Promise<void> {
  await b.victim.program.mustVanish(b.victim.pids);
  mustSucceed(await restore(b));
  await mustBeUnharmed(b.victim, { strayMappings: b.strays });
}

/** How many effects a whole run has. */
async function countEffects(b: Bench, run: (count: string) => Promise<ToolRun>): Promise<number> {
  const file = join(b.work, 'count');
  mustSucceed(await run(file));
  const count = Number(readFileSync(file, 'utf8').trim());
  assert.ok(Number.isInteger(count) && count > 10, `the run counted ${count} effects`);
  return count;
}

/**
 * 1...count in an order that covers the range evenly however early it is left; a random offset
 * each time.
 */
function* effectNumbers(count: number): Generator<number> {
  const choice = process.env.FAULTS;
  if (choice !== undefined && /^\d+$/.test(choice)) {
    yield Number(choice);
    return;
  }
  if (choice === 'all') {
    for (let n = 1; n <= count; n++) yield n;
    return;
  }
  const seen = new Set<number>();
  const offset = Math.random();
  for (let i = 0; seen.size < count && i < 50 * count; i++) {
    const n = 1 + Math.floor(((offset + i * 0.6180339887498949) % 1) * count);
    if (seen.has(n)) continue;
    seen.add(n);
    yield n;
  }
}

const HARMS_MAX = 20;

/**
 * Runs `act` for as many effects as the time allows; collects what went wrong, each time going on with a fresh victim.
 */
async function forEachEffect(
  t: TestContext,
  count: number,
  { act, renew }: { act: (n: number) => Promise<void>; renew: () => Promise<void> },
): Promise<void> {
  const started = performance.now();
  const harms: string[] = [];
  let done = 0;
  for (const n of effectNumbers(count)) {
    try {
      await act(n);
    } catch (error) {
      harms.push(`At effect ${n} of ${count} (FAULTS=${n} repeats it): ${(error as Error).message}`);
      if (harms.length >= HARMS_MAX) break;
      await renew();
    }
    done++;
    if (process.env.FAULTS === undefined && performance.now() - started > BUDGET_MS) break;
  }
  t.diagnostic(`${done} of ${count} effects, ${harms.length} harms`);
  if (harms.length > 0) throw new assert.AssertionError({ message: harms.join('\n\n') });
}

/** What the status of a run with a fault may be. */
function judgeStatus(run: ToolRun, kind: Kind): void {
  if (run.status === 0) return;
  if (kind === 'kill') {
    assert.equal(run.signal, 'SIGKILL', describeRun(run));
    return;
  }
  assert.equal(run.signal, null, describeRun(run));
  assert.match(saidBy(run), /Error/, describeRun(run));
}

async function faultyDump(b: Bench, kind: Kind, n: number): Promise<void> {
  const run = await dump(b, `${kind}:${n}`);
  judgeStatus(run, kind);
  await mustHaveSettled(b, run, kind);
}

/**
 * Before its commit point a dump that ended badly must leave the tree as it was. Behind it, shown
 * by inventory.img, all must go, and the images be good.
 */
async function mustHaveSettled(b: Bench, run: ToolRun, kind: Kind): Promise<void> {
  if (run.status === 0 || readdirIfThere(b.images).includes('inventory.img')) {
    const { program } = b.victim;
    const gone = waitFor(
      'the end of a committed dump',
      () => program.ended() !== undefined && isGone(b.victim),
      run.status === 0 ? 5_000 : 500,
    );
    if (
      await gone.then(
        () => true,
        () => false,
      )
    )
      return await backAgain(b);
    assert.notEqual(run.status, 0, 'the dump succeeded, and its tasks live');
  }
  b.strays ||= kind === 'kill';
  await mustBeUnharmed(b.victim, { strayMappings: b.strays });
}

const readdirIfThere = (dir: string): string[] => {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
};

async function faultyRestore(b: Bench, kind: Kind, n: number): Promise<void> {
  const surroundings = new Surroundings(b.victim, b.images, b.scratch);
  const run = await restore(b, `${kind}:${n}`);
  judgeStatus(run, kind);
  if (run.status !== 0) {
    const committed = kind === 'kill' && (await isRestored(b));
    if (!committed) {
      await surroundings.mustBeAsBefore();
      mustSucceed(await restore(b));
    }
  }
  await mustBeUnharmed(b.victim, { strayMappings: false });
  await killVictim(b.victim);
}

async function dumpedVictim(): Promise<Bench> {
  const b = bench(await startVictim());
  mustSucceed(await dump(b));
  await b.victim.program.mustVanish(b.victim.pids);
  return b;
}

/** A kill behind the commit point leaves the whole tree running; anything less must vanish. */
async function isRestored(b: Bench): Promise<boolean> {
  return mustBeUnharmed(b.victim, { strayMappings: false }).then(
    () => true,
    () => false,
  );
}

const needsFaults = basename(tool.path) === 'criu' ? { skip: 'CRIU has no WOODFROG_FAULT' } : {};

describe('a dump that dies or fails anywhere leaves the program unharmed', () => {
  after(stopAll);
  for (const kind of ['kill', 'fail'] as const) {
    test(`${kind} at each effect of a dump`, { ...needsFaults, timeout: 3_600_000 }, (t) =>
      bounded(t, async () => {
        let b = bench(await startVictim());
        const count = await countEffects(b, (file) => dump(b, '', file));
        await backAgain(b);
        const renew = async (): Promise<void> => {
          await b.victim.program.stop();
          b = bench(await startVictim());
        };
        await forEachEffect(t, count, { act: (n) => faultyDump(b, kind, n), renew });
        await b.victim.program.mustPass();
      }),
    );
  }
  const expected = tool.isCriu ? { todo: 'CRIU leaves tasks stopped or traced' } : {};
  test('kill -9 at random instants of a dump', expected, (t) =>
    bounded(t, async () => {
      const b = bench(await startVictim());
      const { elapsedMs } = mustSucceed(await dump(b));
      await backAgain(b);
      for (let i = 0; i < 25; i++) await killedDump(b, Math.random() * elapsedMs);
      await b.victim.program.mustPass();
    }),
  );
});

/** The tool gets SIGKILL after `ms`, wherever it is. */
async function killedDump(b: Bench, ms: number): Promise<void> {
  rmSync(b.images, { recursive: true, force: true });
  const { pid } = b.victim.program;
  const run = await tool.attemptDump(pid, b.images, ['-W', b.work], {
    timeoutMs: ms,
    cwd: b.scratch,
  });
  await mustHaveSettled(b, run, 'kill');
}

describe('a restore that dies or fails anywhere leaves nothing behind', () => {
  after(stopAll);
  for (const kind of ['kill', 'fail'] as const) {
    test(`${kind} at each effect of a restore`, { ...needsFaults, timeout: 3_600_000 }, (t) =>
      bounded(t, async () => {
        let b = await dumpedVictim();
        const count = await countEffects(b, (file) => restore(b, '', file));
        await mustBeUnharmed(b.victim, { strayMappings: false });
        await killVictim(b.victim);
        const renew = async (): Promise<void> => {
          await b.victim.program.stop();
          b = await dumpedVictim();
        };
        await forEachEffect(t, count, { act: (n) => faultyRestore(b, kind, n), renew });
      }),
    );
  }
  test('an ordinary restore repeats from the same images', (t) =>
    bounded(t, async () => {
      const b = bench(await startVictim());
      mustSucceed(await dump(b));
      await b.victim.program.mustVanish(b.victim.pids);
      for (let i = 0; i < 3; i++) {
        mustSucceed(await restore(b));
        await mustBeUnharmed(b.victim, { strayMappings: false });
        if (i < 2) await killVictim(b.victim);
      }
      await b.victim.program.mustPass();
    }));
});
