/** A tun descriptor is refused by the name of its interface, and may be left out and handed in. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../../support/compile.js';
import { bounded, kernelTest } from '../../support/kernel.js';
import { dumpOutside, fileName, inheritArgs } from '../../support/outside.js';
import { startProgram } from '../../support/program.js';
import { describeRun, mustSucceed, Tool, tool } from '../../support/tool.js';

const PROGRAM = 'kernel/handed-in/tun.c';

test('a tun descriptor is left out, and one of a new interface handed in', (t) =>
  bounded(t, async () => {
    // Of 15 characters at most.
    const name = `wf${process.pid}`;
    const program = startProgram(PROGRAM, { args: [name] });
    await program.waitReady();
    const resource = fileName(program);
    const refused = await tool.attemptDump(program.pid, join(program.dir, 'images'));
    assert.equal(refused.status, 1, describeRun(refused));
    assert.match(refused.stderr, new RegExp(`tun.*of the interface '${name}'`));
    assert.ok(refused.stderr.includes(`--external '${resource}'`), describeRun(refused));

    const images = await dumpOutside(program, tool, ['--external', resource]);
    const args = ['restore', '-d', '-D', images, ...inheritArgs([`fd[9]:${resource}`])];
    const giver = new Tool(compile(PROGRAM));
    mustSucceed(await giver.run(['hand', name, tool.path, ...args]));
    await program.mustPass();
  }));

kernelTest({
  name: 'a tun descriptor without an interface can get one',
  program: 'handed-in/fresh-tun.c',
  rounds: 2,
  criuFails: 'it saves none without its network namespace',
});
