/** How a dump leaves the tasks, and how a restore goes on: -R, -s, -d, and waiting for the root task. */
import assert from 'node:assert/strict';
import { type StdioOptions, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, procStatus, stateOf } from '../../support/proc.js';
import { leaveToNode } from '../../support/reaper.js';
import { compareSnapshots, takeSnapshot } from '../../support/snapshot.js';
import { tool } from '../../support/tool.js';
import { sleep, waitFor } from '../../support/wait.js';
import { type Steady, steadyTest } from './steady.js';

/** Every process of the tree is stopped, traced by nobody, and runs after SIGCONT. */
async function mustBeStopped({ program, pid }: Steady): Promise<void> {
  const pids = program.tree();
  assert.equal(pids.length, 2);
  for (const one of pids) {
    assert.equal(procStatus(one).get('TracerPid'), '0');
    await waitFor('the stop', () => stateOf(one) === 'T', 2000);
  }
  program.release();
  await sleep(50);
  assert.ok(isAlive(pid), 'it is stopped, released or not');
  for (const one of pids) process.kill(one, 'SIGCONT');
}

steadyTest('dump -R leaves the tasks running', async (steady) => {
  const { program, pid, images } = steady;
  const before = takeSnapshot(pid);
  await steady.woodfrog(['dump', '-t', String(pid), '-D', images, '-R']);
  assert.deepEqual(compareSnapshots(before, takeSnapshot(pid)), []);
  await program.mustPass();
});

steadyTest('dump -s leaves the tasks stopped', async (steady) => {
  await steady.woodfrog(['dump', '-t', String(steady.pid), '-D', steady.images, '-s']);
  await mustBeStopped(steady);
  await steady.program.mustPass();
});

steadyTest('what dump -s left is restored running', async (steady) => {
  const { program, pid, images } = steady;
  await steady.woodfrog(['dump', '-t', String(pid), '-D', images, '-s']);
  const pids = program.tree();
  for (const one of pids) process.kill(one, 'SIGKILL');
  await program.mustVanish(pids);
  await steady.restore('-d');
  await program.mustPass();
});

steadyTest('restore -s leaves the tasks stopped', async (steady) => {
  await steady.dump();
  await steady.restore('-d', '-s');
  await mustBeStopped(steady);
  await steady.program.mustPass();
});

steadyTest('-R and -s exclude each other', async ({ pid, images, ...steady }) => {
  const run = await tool.run(['dump', '-t', String(pid), '-D', images, '-R', '-s']);
  assert.equal(run.status, 2);
  assert.match(run.stderr, /'--leave-running' and '--leave-stopped' exclude each other/);
  await steady.program.mustPass();
});

steadyTest('restore -d ends whatever its descriptors are', async (steady) => {
  const streams: StdioOptions[] = [
    ['ignore', 'pipe', 'ignore'],
    ['pipe', 'ignore', 'pipe'],
    ['ignore', 'ignore', 'ignore'],
  ];
  for (const stdio of streams) {
    await steady.dump();
    const args = ['restore', '-d', '-D', steady.images];
    const child = spawn(tool.path, args, { stdio, timeout: 60_000 });
    leaveToNode(child);
    const ended = await new Promise((done) =>
      child.once('exit', (code, signal) => done([code, signal])),
    );
    assert.deepEqual(ended, [0, null]);
  }
  await steady.program.mustPass();
});

/** A restore that waits; the tasks run when this returns. */
async function foreground(steady: Steady) {
  const args = ['restore', '-D', steady.images, '-v4', '-o', 'restore.log'];
  const child = spawn(tool.path, args, { stdio: 'ignore' });
  leaveToNode(child);
  const ended = new Promise<[number | null, string | null]>((done) =>
    child.once('exit', (code, signal) => done([code, signal])),
  );
  const log = join(steady.images, 'restore.log');
  const says = (words: string): boolean => {
    try {
      return readFileSync(log, 'utf8').includes(words);
    } catch {
      return false;
    }
  };
  await waitFor('the tasks to run', () => says('Tasks resumed'));
  return { child, ended, log };
}

steadyTest('restore without -d waits for the root task, and says how it ended', async (steady) => {
  await steady.dump();
  const { child, ended, log } = await foreground(steady);
  assert.equal(procStatus(steady.pid).get('PPid'), String(child.pid));
  await sleep(100);
  assert.equal(child.exitCode, null, 'it waits');
  await steady.mustPassElsewhere();
  assert.deepEqual(await ended, [0, null]);
  assert.match(readFileSync(log, 'utf8'), /Root task \d+ exited with status 0/);
});

steadyTest('a restore that waits succeeds, however the root task ends', async (steady) => {
  await steady.dump();
  const { ended, log } = await foreground(steady);
  process.kill(steady.pid, 'SIGKILL');
  assert.deepEqual(await ended, [0, null]);
  assert.match(readFileSync(log, 'utf8'), /Root task \d+ was killed by signal 9/);
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  steadyTest(`${signal} to a restore that waits leaves the tasks running`, async (steady) => {
    await steady.dump();
    const { child, ended } = await foreground(steady);
    child.kill(signal);
    assert.deepEqual(await ended, [null, signal]);
    await steady.program.mustPass();
  });
}

steadyTest('a second restore is refused while the first lives', async (steady) => {
  await steady.dump();
  await steady.restore('-d');
  const { stderr } = await steady.woodfrog(['restore', '-D', steady.images, '-d'], 1);
  assert.match(stderr, new RegExp(`pid ${steady.pid}.*EEXIST`));
  assert.ok(isAlive(steady.pid));
  await steady.program.mustPass();
});

steadyTest('a file that is not as it was is named, and nothing is restored', async (steady) => {
  const { program, pid } = steady;
  await steady.dump();
  chmodSync(program.outputPath, 0o600);
  const { stderr } = await steady.woodfrog(['restore', '-D', steady.images, '-d'], 1);
  assert.match(stderr, new RegExp(`'${program.outputPath}' has the mode 0600, and had 0644`));
  assert.equal(stateOf(pid), undefined);
  chmodSync(program.outputPath, 0o644);
  await steady.restore('-d');
  await program.mustPass();
});

steadyTest('a log that is only appended to may grow meanwhile', async (steady) => {
  const { program } = steady;
  await steady.dump();
  appendFileSync(program.outputPath, 'from elsewhere\n');
  await steady.restore('-d');
  await program.mustPass();
  assert.match(program.output(), /^READY\nfrom elsewhere\nPASS$/m);
});
