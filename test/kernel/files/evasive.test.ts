/** Devices whose path does not lead to them any more: --evasive-devices takes any other. */
import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bounded } from '../../support/kernel.js';
import { type Program, startProgram } from '../../support/program.js';
import { describeRun, tool } from '../../support/tool.js';

const EVASIVE = '--evasive-devices';

async function start(play: string): Promise<Program> {
  const program = startProgram('kernel/files/evasive.c', { args: [play] });
  await program.waitReady();
  return program;
}

async function dump(program: Program, ...args: string[]): Promise<string> {
  const images = join(program.dir, 'images');
  const pids = program.tree();
  await tool.dump(program.pid, images, ...args);
  await program.mustVanish(pids);
  return images;
}

async function mustBeDevNull(program: Program): Promise<void> {
  await program.mustPass();
  assert.match(program.output(), /^LINK \/dev\/null$/m);
}

test('a deleted device file is saved by another path of the device', (t) =>
  bounded(t, async () => {
    const program = await start('lost');
    await tool.restore(await dump(program, EVASIVE));
    await mustBeDevNull(program);
  }));

test('a device file that is missing at the restore is opened by another path', (t) =>
  bounded(t, async () => {
    const program = await start('kept');
    const images = await dump(program);
    unlinkSync(join(program.dir, 'null'));
    const run = await tool.attemptRestore(images);
    assert.equal(run.status, 1, describeRun(run));
    assert.match(run.stderr, /null' is missing \(ENOENT\) \(see --evasive-devices\)/);
    await tool.restore(images, EVASIVE);
    await mustBeDevNull(program);
  }));

test('a device file at its path is left alone', (t) =>
  bounded(t, async () => {
    const program = await start('kept');
    await tool.restore(await dump(program, EVASIVE), EVASIVE);
    await program.mustPass();
    assert.match(program.output(), new RegExp(`^LINK ${program.dir}/null$`, 'm'));
  }));
