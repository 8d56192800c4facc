/** --explain says what would be done, and does nothing. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { bounded } from '../../support/kernel.js';
import { isAlive, stateOf } from '../../support/proc.js';
import { startProgram } from '../../support/program.js';
import { compareSnapshots, takeSnapshot } from '../../support/snapshot.js';
import { tool } from '../../support/tool.js';
import { steadyTest } from './steady.js';

steadyTest('dump --explain lists every object, and touches nothing', async (steady) => {
  const { program, pid, images } = steady;
  const before = takeSnapshot(pid);
  const { stdout, stderr } = await steady.woodfrog([
    ...['dump', '-t', String(pid), '-D', images, '--explain'],
  ]);
  assert.equal(stderr, '');
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines.pop() ?? '', /^All \d+ objects can be saved\.$/);
  for (const line of lines) assert.match(line, /^\d+ \(steady\S*\) .*: saved$/);
  for (const object of ['registers', 'credentials', 'descriptor 1 /', 'memory \\d+ mappings']) {
    for (const one of program.tree()) assert.match(stdout, new RegExp(`^${one} .*${object}`, 'm'));
  }
  assert.deepEqual(readdirSync(images), []);
  assert.deepEqual(compareSnapshots(before, takeSnapshot(pid)), []);
  await program.mustPass();
});

steadyTest('dump --explain --json says the same to programs', async (steady) => {
  const args = ['dump', '-t', String(steady.pid), '-D', steady.images, '--explain', '--json'];
  const { kind, verdicts } = JSON.parse((await steady.woodfrog(args)).stdout);
  assert.equal(kind, 'explained');
  const fd = verdicts.find(({ object }: { object: string }) => object === 'descriptor 1');
  assert.equal(fd.detail, steady.program.outputPath);
  assert.equal(fd.verdict, 'saved');
});

/** Runs dump --explain on a case of the refusals, and lets the program pass. */
const explained = (program: string, name: string, check: (stdout: string, pid: number) => void) =>
  test(`dump --explain says what stands in the way: ${name}`, (t) =>
    bounded(t, async () => {
      const started = startProgram(`kernel/refusals/${program}`, { args: [name] });
      await started.waitReady();
      const { pid, dir } = started;
      const run = await tool.run(['dump', '-t', String(pid), '-D', dir, '--explain']);
      assert.equal(run.status, 0, run.stderr);
      assert.match(run.stdout, /^\d+ of \d+ objects? stands? in the way of a dump\.$/m);
      check(run.stdout, pid);
      await started.mustPass();
    }));

explained('locks.c', 'flock', (stdout) =>
  assert.match(stdout, /descriptor \d+ .*: needs option: .*lock.*--file-locks/),
);
explained('timers.c', 'ended', (stdout, pid) =>
  assert.match(stdout, new RegExp(`^${pid} .*timers: cannot be saved: POSIX timer`, 'm')),
);
explained('tasks.c', 'user-dispatch', (stdout) =>
  assert.match(stdout, / system call user dispatch: cannot be saved: /),
);
explained('tasks.c', 'traced', (stdout) => assert.match(stdout, /: cannot be saved: .*traced by/));
steadyTest('restore --explain prints the plan, and runs nothing', async (steady) => {
  const { program, pid } = steady;
  await steady.dump();
  const { stdout } = await steady.restore('--explain');
  for (const stage of ['births', 'make', 'memory', 'descriptors', 'task state']) {
    assert.match(stdout, new RegExp(`^${stage}:$`, 'm'));
  }
  assert.match(stdout, new RegExp(`^ {2}\\[pid ${pid} \\(steady\\S*\\)\\] mmap\\(0x`, 'm'));
  assert.match(stdout, /\] preadv\(/);
  const { kind, plan } = JSON.parse((await steady.restore('--explain', '--json')).stdout);
  assert.equal(kind, 'explained');
  assert.equal(plan.length, stdout.trimEnd().split('\n').length);
  assert.equal(stateOf(pid), undefined);
  await steady.restore('-d');
  assert.ok(isAlive(pid));
  await program.mustPass();
});
