/**
 * --freeze-cgroup: a tree that never stands still is stopped by its cgroup's freezer, and is never left frozen: not when
 * the dump fails, nor when woodfrog is killed in the middle of it.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { type Program, startProgram, stopAll } from '../support/program.js';
import { takeSnapshot } from '../support/snapshot.js';
import { describeRun, mustSucceed, saidBy, Tool, tool } from '../support/tool.js';
import { waitFor } from '../support/wait.js';
import { type Bench, BUDGET_MS, dump, imagesIn, newBench, tryEach } from './bench.js';
import { mustBeUnharmed } from './victim.js';

interface Freezer {
  readonly version: string;
  readonly folder: string;
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
  /** File and content that say that all in it stand still. */
  readonly reached: readonly [file: string, text: string];
}

const name = `woodfrog-freezer-${process.pid}`;
const FREEZERS: readonly Freezer[] = [
  {
    version: 'version 1',
    folder: '/sys/fs/cgroup/freezer',
    ...{ file: 'freezer.state', frozen: 'FROZEN', thawed: 'THAWED' },
    reached: ['freezer.state', 'FROZEN'] as const,
  },
  ...['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].map((folder) => ({
    version: 'version 2',
    folder,
    ...{ file: 'cgroup.freeze', frozen: '1', thawed: '0' },
    reached: ['cgroup.events', 'frozen 1'] as const,
  })),
]
  .filter(({ folder }) => existsSync(join(folder, 'cgroup.procs')))
  .map((one) => ({ ...one, folder: join(one.folder, name) }));

const stateOf = ({ folder, file }: Freezer): string =>
  readFileSync(join(folder, file), 'utf8').trim();
const setState = ({ folder, file }: Freezer, state: string): void =>
  writeFileSync(join(folder, file), state);

function enter({ folder }: Freezer, pids: readonly number[]): void {
  mkdirSync(folder, { recursive: true });
  for (const pid of pids) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
}

function leave(freezer: Freezer): void {
  if (!existsSync(freezer.folder)) return;
  setState(freezer, freezer.thawed);
  rmdirSync(freezer.folder);
}

async function churnIn(freezer: Freezer, what: string): Promise<Program> {
  const program = startProgram('faults/churn.c', { args: [what] });
  enter(freezer, [program.pid]);
  await program.waitReady();
  return program;
}

/** A kill at the n-th effect of a dump: the tree is not frozen afterwards, and unharmed. */
async function killedDump(b: Bench, freezer: Freezer, n: number): Promise<void> {
  const run = await dump(b, {
    fault: `kill:${n}`,
    args: ['-R', '--freeze-cgroup', freezer.folder],
  });
  if (run.status !== 0) assert.equal(run.signal, 'SIGKILL', describeRun(run));
  await waitFor('the cgroup to thaw', () => stateOf(freezer) === freezer.thawed, 10_000);
  await mustBeUnharmed(b.victim, { strayMappings: true });
}

async function benchIn(freezer: Freezer): Promise<Bench> {
  const b = await newBench();
  enter(freezer, b.victim.pids);
  b.victim.snapshot = takeSnapshot(b.victim.program.pid);
  return b;
}

for (const freezer of FREEZERS) {
  describe(`the cgroup freezer of ${freezer.version}`, () => {
    const args = ['--freeze-cgroup', freezer.folder];
    after(async () => {
      await stopAll();
      leave(freezer);
    });

    for (const what of ['processes', 'threads']) {
      test(`${what} that come and go are caught each time, and go on`, (t) =>
        bounded(t, async () => {
          const program = await churnIn(freezer, what);
          const started = performance.now();
          let count = 0;
          for (; count < 100 && performance.now() - started < BUDGET_MS; count++) {
            const images = join(program.dir, `images-${count}`);
            const run = await tool.attemptDump(program.pid, images, ['-R', ...args]);
            assert.equal(stateOf(freezer), freezer.thawed);
            if (run.status === 0) continue;
            // The only thing that a freezer cannot prevent: who was on the way out is gone when it is looked at.
            assert.match(saidBy(run), /ended meanwhile|has ended/, describeRun(run));
          }
          t.diagnostic(`${count} dumps`);
          await program.mustPass(60_000);
        }));
    }

    test('a tree comes back from a dump that froze it', (t) =>
      bounded(t, async () => {
        const b = await benchIn(freezer);
        const { pids, program } = b.victim;
        mustSucceed(await dump(b, { args }));
        await program.mustVanish(pids);
        assert.equal(stateOf(freezer), freezer.thawed);
        mustSucceed(await tool.attemptRestore(b.images));
        await mustBeUnharmed(b.victim, { strayMappings: false });
        await program.mustPass();
      }));

    test('killed while the cgroup is frozen, a dump leaves it thawed', (t) =>
      bounded(t, async () => {
        let b = await benchIn(freezer);
        const file = join(b.work, 'count');
        mustSucceed(await dump(b, { count: file, args: ['-R', ...args] }));
        const names = readFileSync(file, 'utf8').trim().split('\n');
        // From before it is frozen until it is thawed again, and all have stopped.
        const first = names.indexOf('write') - 8;
        const last = names.indexOf('write', first + 9) + 20;
        assert.ok(first > 0 && last > first + 28, names.slice(0, last).join(' '));
        await tryEach(t, names.slice(first, last), {
          act: (n) => killedDump(b, freezer, first + n),
          renew: async () => {
            setState(freezer, freezer.thawed);
            await b.victim.program.stop();
            b = await benchIn(freezer);
          },
        });
        await b.victim.program.mustPass();
      }));

    test('a cgroup that was frozen before is frozen again after a dump', (t) =>
      bounded(t, async () => {
        const b = await benchIn(freezer);
        const [file, text] = freezer.reached;
        const isFrozen = (): boolean =>
          readFileSync(join(freezer.folder, file), 'utf8').includes(text);
        setState(freezer, freezer.frozen);
        await waitFor('the cgroup to freeze', isFrozen, 10_000);
        mustSucceed(await dump(b, { args: ['-R', ...args] }));
        assert.equal(stateOf(freezer), freezer.frozen);
        await waitFor('the cgroup to freeze', isFrozen, 10_000);
        setState(freezer, freezer.thawed);
        await mustBeUnharmed(b.victim, { strayMappings: false });
        await b.victim.program.mustPass();
      }));

    test('what cannot be frozen is refused, and nothing was stopped', (t) =>
      bounded(t, async () => {
        const b = await benchIn(freezer);
        const no = await dump(b, { args: ['--freeze-cgroup', '/tmp'] });
        assert.match(saidBy(no), /'\/tmp' is no cgroup that can be frozen/, describeRun(no));
        const missing = await dump(b, { args: ['--freeze-cgroup', '/no/such'] });
        assert.match(saidBy(missing), /'\/no\/such': ENOENT/, describeRun(missing));
        assert.deepEqual(imagesIn(b.images), []);
        // A shell that is in it itself, and becomes woodfrog.
        const script = `echo $$ > ${freezer.folder}/cgroup.procs; exec "$0" "$@"`;
        const dumpArgs = ['dump', '-t', String(b.victim.program.pid), '-D', b.images, ...args];
        const own = await new Tool('/bin/sh').run(['-c', script, tool.path, ...dumpArgs]);
        assert.match(own.stderr, /woodfrog itself is in/, describeRun(own));
        await mustBeUnharmed(b.victim, { strayMappings: false });
        await b.victim.program.mustPass();
      }));
  });
}

if (FREEZERS.length === 0) {
  test('the cgroup freezer', { skip: 'no hierarchy with a freezer is mounted' }, () => {});
}
