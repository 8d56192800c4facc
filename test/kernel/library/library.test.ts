/** The library, used as its callers do: what it gives back, and that its host notices nothing of it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  CheckpointError,
  check,
  type DumpRequest,
  dump,
  type ProgressEvent,
  type RestoredTree,
  restore,
} from '../../../src/index.js';
import { compile } from '../../support/compile.js';
import { bounded } from '../../support/kernel.js';
import { childrenOf, isAlive, procLink } from '../../support/proc.js';
import { type Program, startCommand, startProgram, stopAll } from '../../support/program.js';
import { sleep, waitFor } from '../../support/wait.js';

after(stopAll);

const SMALL = 'kernel/memory/anonymous.c';

async function ready(name = SMALL): Promise<Program> {
  const program = startProgram(name);
  await program.waitReady();
  return program;
}

function imagesOf(program: Program): string {
  const folder = join(program.dir, 'images');
  mkdirSync(folder, { recursive: true });
  return folder;
}

async function dumpIt(program: Program, wishes: Partial<DumpRequest> = {}) {
  const request = { pid: program.pid, imagesDir: imagesOf(program), ...wishes };
  const pids = program.tree();
  const dumped = await dump({ ...request, explain: false });
  if (!wishes.leaveRunning) await program.mustVanish(pids);
  return dumped;
}

/** Lets a restored program verify itself, and collects it through the library alone. */
async function mustPass(program: Program, restored: RestoredTree): Promise<void> {
  program.release();
  assert.deepEqual(await restored.wait(), { exited: 0 }, program.output());
  assert.match(program.output(), /PASS\n$/);
}

/** What a call must not change in its host. */
function hostState() {
  const caught = /^SigCgt:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const INT_AND_TERM = (1n << 1n) | (1n << 14n);
  return {
    folder: process.cwd(),
    umask: process.umask(),
    caught: BigInt(`0x${caught}`) & INT_AND_TERM,
    namespaces: readdirSync('/proc/self/ns').map((name) => procLink('self', `ns/${name}`)),
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

test('a tree is dumped and restored while the event loop runs and children are collected', (t) =>
  bounded(t, async () => {
    const program = await ready();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const before = hostState();
    const child = spawn('sh', ['-c', 'sleep 0.05; exit 7'], { stdio: 'ignore' });
    const childEnd = new Promise((done) => child.once('exit', done));
    const dumped = await dumpIt(program);
    const restored = await restore({ imagesDir: imagesOf(program) });
    clearInterval(timer);
    assert.equal(await childEnd, 7);
    assert.deepEqual(hostState(), before);
    assert.ok(ticks >= 5, `the event loop turned ${ticks} times`);
    assert.equal(dumped.kind, 'dumped');
    assert.deepEqual([dumped.pid, dumped.taskCount], [program.pid, 1]);
    assert.ok(dumped.stats.frozen_time > 0 && dumped.stats.pages_written > 0);
    assert.deepEqual([restored.pid, restored.taskCount], [program.pid, 1]);
    assert.ok(restored.stats.restore_time > 0);
    await mustPass(program, restored);
  }));

test('a tree that some other process started is dumped and restored', (t) =>
  bounded(t, async () => {
    const shell = startCommand([
      'bash',
      '-c',
      `setsid ${compile(SMALL)} release & exec 2>/dev/null; wait`,
    ]);
    await shell.waitReady();
    const pid = childrenOf(shell.pid)[0] as number;
    const imagesDir = imagesOf(shell);
    const before = hostState();
    await dump({ pid, imagesDir, leaveRunning: true });
    await dump({ pid, imagesDir });
    await waitFor('the end of the shell', () => shell.ended());
    const restored = await restore({ imagesDir });
    assert.deepEqual(hostState(), before);
    assert.equal(restored.pid, pid);
    await mustPass(shell, restored);
  }));

test('two trees are dumped, and restored, at the same time', (t) =>
  bounded(t, async () => {
    const programs = await Promise.all([ready(), ready('kernel/library/large.c')]);
    await Promise.all(programs.map((program) => dumpIt(program)));
    const restored = await Promise.all(
      programs.map((program) => restore({ imagesDir: imagesOf(program) })),
    );
    for (const [i, program] of programs.entries()) {
      await mustPass(program, restored[i] as RestoredTree);
    }
  }));

test('a failed dump is a typed error, and the program goes on', (t) =>
  bounded(t, async () => {
    const program = await ready();
    const missing = join(program.dir, 'missing');
    const failure = await dump({ pid: program.pid, imagesDir: missing }).catch((error) => error);
    assert.ok(failure instanceof CheckpointError, String(failure));
    assert.equal(failure.errno, 'ENOENT');
    assert.equal(failure.context.doing, 'dump');
    assert.match(failure.message, /^Cannot dump .*missing/);
    await program.mustPass();
  }));

test('a restore onto a pid that is taken says so', (t) =>
  bounded(t, async () => {
    const program = await ready();
    await dumpIt(program, { leaveRunning: true });
    const failure = await restore({ imagesDir: imagesOf(program) }).catch((error) => error);
    assert.ok(failure instanceof CheckpointError, String(failure));
    assert.equal(failure.errno, 'EEXIST');
    await program.mustPass();
  }));

test('progress is told, and never goes back within a phase', (t) =>
  bounded(t, async () => {
    const program = await ready('kernel/library/large.c');
    const events: ProgressEvent[] = [];
    await dumpIt(program, { onProgress: (event) => events.push(event) });
    assert.ok(events.length > 0);
    for (const [i, event] of events.entries()) {
      const last = events[i - 1];
      assert.ok(event.doneBytes <= event.totalBytes, JSON.stringify(event));
      if (last?.phase === event.phase) assert.ok(event.doneBytes >= last.doneBytes);
    }
    await mustPass(program, await restore({ imagesDir: imagesOf(program) }));
  }));

test('a dump that waits is cancelled by its signal, and the program goes on', (t) =>
  bounded(t, async () => {
    const program = await ready('kernel/library/vfork.c');
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 300);
    const started = performance.now();
    const request = { pid: program.pid, imagesDir: imagesOf(program), signal: controller.signal };
    const failure = await dump({ ...request, timeoutSec: 60 }).catch((error) => error);
    assert.ok(failure instanceof CheckpointError, String(failure));
    assert.match(failure.message, /cancelled by the caller/);
    assert.equal(failure.cause, reason);
    assert.ok(performance.now() - started < 20_000);
    await program.mustPass();
  }));

test('wait tells the signal that killed the root task, once', (t) =>
  bounded(t, async () => {
    const program = await ready();
    await dumpIt(program);
    const restored = await restore({ imagesDir: imagesOf(program) });
    const waiting = restored.wait();
    process.kill(program.pid, 'SIGKILL');
    assert.deepEqual(await waiting, { killedBy: 9 });
    const again = await restored.wait().catch((error) => error);
    assert.ok(again instanceof CheckpointError, String(again));
    assert.equal(again.errno, 'ECHILD');
  }));

test('a cancelled wait leaves the tree running', (t) =>
  bounded(t, async () => {
    const program = await ready();
    await dumpIt(program);
    const restored = await restore({ imagesDir: imagesOf(program) });
    const failure = await restored.wait({ signal: AbortSignal.timeout(100) }).catch((e) => e);
    assert.match(String(failure), /cancelled by the caller/);
    assert.ok(isAlive(program.pid));
    await mustPass(program, restored);
  }));

test('explain lists objects and steps, and touches nothing', (t) =>
  bounded(t, async () => {
    const program = await ready();
    const imagesDir = imagesOf(program);
    const { verdicts } = await dump({ pid: program.pid, imagesDir, explain: true });
    assert.ok(verdicts.some(({ pid, verdict }) => pid === program.pid && verdict === 'saved'));
    assert.deepEqual(readdirSync(imagesDir), []);
    await dumpIt(program);
    const { plan } = await restore({ imagesDir, explain: true });
    assert.ok(plan.some((step) => step.includes('mmap(')));
    assert.ok(!isAlive(program.pid));
    await mustPass(program, await restore({ imagesDir }));
  }));

test('check tells what this kernel has', async () => {
  const report = await check();
  assert.equal(report.kind, 'checked');
  if (report.kind !== 'checked') return;
  assert.ok(report.results.length > 0);
  assert.ok(report.results.every(({ category }) => category === 1));
});

test('many calls leave neither descriptors nor memory in their host', (t) =>
  bounded(t, async () => {
    const program = await ready();
    const mappedKib = () =>
      Number(/^VmSize:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    await dumpIt(program, { leaveRunning: true });
    await sleep(50);
    const [descriptors, before] = [hostState().descriptors, mappedKib()];
    const CALLS = 8;
    for (let i = 0; i < CALLS; i++) await dumpIt(program, { leaveRunning: true });
    await sleep(50);
    assert.equal(hostState().descriptors, descriptors);
    // An arena alone is 64 MiB: a call that kept one would be seen.
    assert.ok(mappedKib() - before < (CALLS / 2) * 64 * 1024);
    await program.mustPass();
  }));
