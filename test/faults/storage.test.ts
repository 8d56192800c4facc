/** Where the images go: a disk that fills up, a folder that cannot be written, an earlier checkpoint. Root: it mounts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bounded } from '../support/kernel.js';
import { startProgram, stopAll } from '../support/program.js';
import { describeRun, mustSucceed, saidBy, type ToolRun, tool } from '../support/tool.js';
import { type Bench, BUDGET_MS, dumpInto, imagesIn, newBench, restoreFrom } from './bench.js';
import { folderFacts, mustBeUnharmed } from './victim.js';

function call(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
}

/** A small file system, for as long as `use` runs. */
async function onTmpfs(
  b: Bench,
  bytes: number,
  use: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = join(b.victim.program.dir, 'disk');
  mkdirSync(dir, { recursive: true });
  call('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dir);
  try {
    await use(dir);
  } finally {
    call('umount', dir);
  }
}

async function mustRefuse(b: Bench, run: ToolRun, reason: RegExp): Promise<void> {
  assert.equal(run.status, 1, describeRun(run));
  assert.match(saidBy(run), reason, describeRun(run));
  await mustBeUnharmed(b.victim, { strayMappings: false });
}

const bytesIn = (dir: string): number =>
  readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);

describe('where the images go', () => {
  after(stopAll);

  test('on a disk that fills up at any point, a dump says so and takes its images back', (t) =>
    bounded(t, async () => {
      const b = await newBench();
      const whole = join(b.victim.program.dir, 'images');
      mustSucceed(await dumpInto(b, whole, { args: ['-R'] }));
      const most = bytesIn(whole) + 4096 * readdirSync(whole).length;
      const started = performance.now();
      let tried = 0;
      for (let i = 0; performance.now() - started < BUDGET_MS && i < 60; i++) {
        // At least a page for the log, or nothing is said.
        const size = 8192 + Math.floor(((i * 0.618_034 + Math.random() / 10) % 1) * most * 0.7);
        await onTmpfs(b, size, async (dir) => {
          const run = await dumpInto(b, dir);
          if (run.status === 0) return await restoredFrom(b, dir);
          await mustRefuse(b, run, /ENOSPC/);
          assert.deepEqual(imagesIn(dir), [], `${size} bytes: ${describeRun(run)}`);
        });
        tried++;
      }
      t.diagnostic(`${tried} sizes up to ${most} bytes`);
      await b.victim.program.mustPass();
    }));

  test('a folder that cannot be written is named', (t) =>
    bounded(t, async () => {
      const b = await newBench();
      await onTmpfs(b, 1 << 20, async (dir) => {
        call('mount', '-o', 'remount,ro', dir);
        await mustRefuse(b, await dumpInto(b, dir, { args: ['-o', '/dev/null'] }), /EROFS/);
      });
      const file = join(b.victim.program.dir, 'no-folder');
      writeFileSync(file, '');
      for (const [dir, reason] of Object.entries({ [file]: /ENOTDIR/, '/no/such': /ENOENT/ })) {
        const args = ['dump', '-t', String(b.victim.program.pid), '-D', dir, '-o', '/dev/null'];
        await mustRefuse(b, await tool.run(args), reason);
      }
      await b.victim.program.mustPass();
    }));

  test('a dump that is refused leaves an earlier checkpoint and strangers in the folder alone', (t) =>
    bounded(t, async () => {
      const b = await newBench();
      mustSucceed(await dumpInto(b, b.images, { args: ['-R'] }));
      writeFileSync(join(b.images, 'notes.txt'), 'mine');
      const before = folderFacts(b.images, ['dump.log']);
      const refused = startProgram('kernel/refusals/locks.c', { args: ['flock'] });
      await refused.waitReady();
      const run = await tool.attemptDump(refused.pid, b.images);
      assert.equal(run.status, 1, describeRun(run));
      assert.deepEqual(folderFacts(b.images, ['dump.log']), before);
      await refused.mustPass();
      // Refused at the end, when its images were there: they go, and only they.
      const pidfile = join(b.work, 'taken');
      writeFileSync(pidfile, '1');
      const late = await dumpInto(b, b.images, { args: ['--pidfile', pidfile] });
      await mustRefuse(b, late, /EEXIST/);
      assert.deepEqual(imagesIn(b.images), []);
      assert.equal(readFileSync(join(b.images, 'notes.txt'), 'utf8'), 'mine');
      assert.equal(readFileSync(pidfile, 'utf8'), '1');
      await b.victim.program.mustPass();
    }));

  test('a dump over an earlier checkpoint of another tree replaces all of it', (t) =>
    bounded(t, async () => {
      const first = await newBench();
      mustSucceed(await dumpInto(first, first.images, { args: ['-R'] }));
      const b = await newBench();
      mustSucceed(await dumpInto(b, first.images));
      await restoredFrom(b, first.images);
      await b.victim.program.mustPass();
      await first.victim.program.mustPass();
    }));
});

async function restoredFrom(b: Bench, dir: string): Promise<void> {
  await b.victim.program.mustVanish(b.victim.pids);
  mustSucceed(await restoreFrom(b, dir));
  await mustBeUnharmed(b.victim, { strayMappings: false });
}
