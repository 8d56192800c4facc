/**
 * What waits in a pty to be read is taken out and put back by a dump. Whenever the tool dies or fails meanwhile, nothing of it
 * is lost or doubled, and the program runs on.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { after, describe, type TestContext, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { treeOf } from '../support/proc.js';
import { startProgram, stopAll } from '../support/program.js';
import { takeSnapshot } from '../support/snapshot.js';
import { mustSucceed } from '../support/tool.js';
import { waitFor } from '../support/wait.js';
import { type Bench, backAgain, dump, dumpedBench, newBench, tryEach } from './bench.js';
import {
  effectsOf,
  everyRestore,
  faultyDump,
  type Kind,
  mustHaveSettled,
  onBench,
  options,
} from './each-effect.js';
import type { Victim } from './victim.js';

const RANDOM_KILLS = 12;
const WAIT_MS = 30_000;

/** A program with full queues. It looks at them when it is told. */
async function startVictim(): Promise<Victim> {
  const others = new Set(treeOf(process.pid));
  const program = startProgram('faults/terminals.c');
  await program.waitReady();
  const pids = program.tree();
  const look = async (): Promise<void> => {
    // What the tool has begun is brought to its end by a process of its own.
    const strangers = () => treeOf(process.pid).filter((pid) => !others.has(pid));
    await waitFor(
      'the end of what the tool began',
      () => program.ended() || strangers().every((pid) => pids.includes(pid)),
      WAIT_MS,
    );
    const asked = `${program.releasePath}.look`;
    writeFileSync(asked, '');
    await waitFor(
      'the program to look',
      () => {
        if (program.ended()) throw program.failure('its queues are not what they were');
        return !existsSync(asked);
      },
      WAIT_MS,
    );
  };
  return { program, pids, snapshot: takeSnapshot(program.pid), slots: 2, look };
}

const bench = (): Promise<Bench> => newBench(startVictim);

/** The effects around the emptying and filling of queues: there a memory file is made for what is taken out. */
function nearQueues(effects: readonly string[]): number[] {
  return effects.flatMap((_, i) => {
    const near = effects.slice(Math.max(i - 16, 0), i + 12);
    return near.includes('memfd_create') ? [i + 1] : [];
  });
}

describe('what waits in a terminal is neither lost nor doubled', () => {
  after(stopAll);
  const eachEffect = (t: TestContext, kind: Kind): Promise<void> =>
    onBench(bench, async (current, renew) => {
      const effects = await effectsOf(current(), dump);
      await backAgain(current());
      const numbers = nearQueues(effects);
      const names = numbers.map((n) => `${effects[n - 1]} (effect ${n})`);
      const act = (n: number) => faultyDump(current(), kind, numbers[n - 1] ?? 0);
      await tryEach(t, names, { act, renew });
      await current().victim.program.mustPass();
    });
  for (const kind of ['kill', 'fail'] as const) {
    test(`${kind} while a dump empties and fills them`, options, (t) =>
      bounded(t, () => eachEffect(t, kind)),
    );
  }

  test('kill -9 at random instants of a dump', (t) =>
    bounded(t, async () => {
      const b = await bench();
      const { elapsedMs } = mustSucceed(await dump(b));
      await backAgain(b);
      for (let i = 0; i < RANDOM_KILLS; i++) {
        const run = await dump(b, { timeoutMs: Math.random() * elapsedMs });
        await mustHaveSettled(b, run, 'kill');
      }
      await b.victim.program.mustPass();
    }));

  test('told to stop at random instants of a dump', (t) =>
    bounded(t, async () => {
      const b = await bench();
      const { elapsedMs } = mustSucceed(await dump(b));
      await backAgain(b);
      for (let i = 0; i < RANDOM_KILLS; i++) {
        const signalled = { by: 'SIGINT', afterMs: Math.random() * elapsedMs } as const;
        await mustHaveSettled(b, await dump(b, { signalled }), 'fail');
      }
      await b.victim.program.mustPass();
    }));

  test('kill at each effect of a restore', options, (t) =>
    bounded(t, () =>
      onBench(
        () => dumpedBench(startVictim),
        (current, renew) => everyRestore(t, 'kill', current, renew),
      ),
    ),
  );
});
