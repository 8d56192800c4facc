import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { bounded, settledSnapshot } from '../../support/kernel.js';
import { startProgram } from '../../support/program.js';
import { compareSnapshots, takeSnapshot } from '../../support/snapshot.js';
import { describeRun, saidBy, type ToolRun, tool } from '../../support/tool.js';
import { type Refusal, refusals } from './table.js';

/** The error lines alone: a log that mentions the object in passing proves nothing. */
function errorText(run: ToolRun): string {
  const lines = saidBy(run).split('\n');
  const errors = lines.filter((line) => /Error|Cannot/.test(line));
  return errors.join('\n');
}

async function refuse(refusal: Refusal): Promise<void> {
  const program = startProgram(join('kernel', refusal.program), { args: [refusal.name] });
  await program.waitReady();
  const images = join(program.dir, 'images');
  const pids = program.tree();
  const before = await settledSnapshot(program.pid);
  const run = await tool.attemptDump(program.pid, images, [], { timeoutMs: 30_000 });
  assert.notEqual(run.status, 0, `the dump must fail, but: ${describeRun(run)}`);
  assert.equal(run.signal, null, describeRun(run));
  assert.deepEqual(program.tree(), pids, 'all processes are still there');
  assert.equal(program.ended(), undefined, 'the program is alive');
  const differences = compareSnapshots(before, takeSnapshot(program.pid));
  assert.deepEqual(differences, [], 'nothing of the program changed');
  assert.ok(!existsSync(join(images, 'inventory.img')), 'no image claims to be complete');
  if (!tool.isCriu) {
    const text = errorText(run);
    for (const words of refusal.says) assert.match(text, words, describeRun(run));
  }
  await program.mustPass();
}

async function control(refusal: Refusal): Promise<void> {
  const program = startProgram(join('kernel', refusal.program), { args: [refusal.name] });
  await program.waitReady();
  await program.mustPass();
}

for (const refusal of refusals) {
  const skip = tool.isCriu && refusal.criuRefuses !== true ? { skip: 'supported by CRIU' } : {};
  describe(`${refusal.program} ${refusal.name}`, () => {
    test('control: passes without a dump', (t) => bounded(t, () => control(refusal)));
    test('is refused by name, and the program goes on', skip, (t) =>
      bounded(t, () => refuse(refusal)),
    );
  });
}
