/**
 * Kills the tool, or fails one of its system calls, at every effect of a dump and of a restore in
 * turn.
 */
import { after, describe, type TestContext, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { stopAll } from '../support/program.js';
import { mustSucceed, tool } from '../support/tool.js';
import { backAgain, dump, dumpedBench, newBench, restore } from './bench.js';
import {
  everyDump,
  everyRestore,
  type Kind,
  mustHaveSettled,
  onBench,
  options,
} from './each-effect.js';
import { killVictim, mustBeUnharmed } from './victim.js';

const RANDOM_KILLS = 20;

describe('a dump that dies or fails anywhere leaves the program unharmed', () => {
  after(stopAll);
  const eachEffect = (t: TestContext, kind: Kind): Promise<void> =>
    onBench(
      () => newBench(),
      (current, renew) => everyDump(t, kind, current, renew),
    );
  for (const kind of ['kill', 'fail'] as const) {
    test(`${kind} at each effect of a dump`, options, (t) => bounded(t, () => eachEffect(t, kind)));
  }
  const expected = tool.isCriu ? { todo: 'CRIU leaves tasks stopped or traced' } : {};
  test('kill -9 at random instants of a dump', expected, (t) =>
    bounded(t, async () => {
      const b = await newBench();
      const { elapsedMs } = mustSucceed(await dump(b));
      await backAgain(b);
      for (let i = 0; i < RANDOM_KILLS; i++) {
        const run = await dump(b, { timeoutMs: Math.random() * elapsedMs });
        await mustHaveSettled(b, run, 'kill');
      }
      await b.victim.program.mustPass();
    }),
  );
});

describe('a restore that dies or fails anywhere leaves nothing behind', () => {
  after(stopAll);
  const eachEffect = (t: TestContext, kind: Kind): Promise<void> =>
    onBench(
      () => dumpedBench(),
      (current, renew) => everyRestore(t, kind, current, renew),
    );
  for (const kind of ['kill', 'fail'] as const) {
    test(`${kind} at each effect of a restore`, options, (t) =>
      bounded(t, () => eachEffect(t, kind)),
    );
  }
  test('an ordinary restore repeats from the same images', (t) =>
    bounded(t, async () => {
      const b = await dumpedBench();
      for (let i = 0; i < 3; i++) {
        mustSucceed(await restore(b));
        await mustBeUnharmed(b.victim, { strayMappings: false });
        if (i < 2) await killVictim(b.victim);
      }
      await b.victim.program.mustPass();
    }));
});
