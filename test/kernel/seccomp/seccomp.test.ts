import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bounded, kernelTest } from '../../support/kernel.js';
import { startProgram } from '../../support/program.js';
import { describeRun, tool } from '../../support/tool.js';

const cases: readonly [string, string][] = [
  ['chain', 'a chain of filters, in its order'],
  ['threads', 'threads with filters of their own on those they have in common'],
  ['one-thread', 'a thread with a filter beside one without'],
  ['synchronized', 'threads can be synchronized (TSYNC) afterwards'],
  ['denied', 'filters that forbid what a dump asks hide nothing from it'],
  ['unprivileged', 'filters that the program could not install any more'],
  ['child', 'a child with more filters than its parent'],
  ['deadly', 'a filter that kills for what a dump asks'],
  ['strict', 'strict mode'],
];

const criuFails = new Map([
  ['synchronized', 'threads get filters of their own'],
  ['unprivileged', 'the dump fails'],
]);

for (const [name, what] of cases) {
  kernelTest({
    name: what,
    program: 'seccomp/seccomp.c',
    args: [name],
    rounds: 2,
    ...(criuFails.has(name) ? { criuFails: criuFails.get(name) ?? '' } : {}),
  });
}

const REFUSED: readonly [string, RegExp][] = [
  ['deadly', /seccomp of pid \d+ .*: a filter answers getitimer by SECCOMP_RET_KILL_PROCESS/],
  ['strict', /seccomp of pid \d+ .*: strict mode answers \w+ by SECCOMP_RET_KILL_THREAD/],
];

describe('--refuse-seccomp-window', {
  skip: tool.isCriu ? 'CRIU has no such option' : false,
}, () => {
  for (const [name, says] of REFUSED) {
    test(`names what would be lost, and leaves it alone: ${name}`, (t) =>
      bounded(t, async () => {
        const program = startProgram('kernel/seccomp/seccomp.c', { args: [name] });
        await program.waitReady();
        const dir = `${program.dir}/images`;
        const run = await tool.attemptDump(program.pid, dir, ['--refuse-seccomp-window']);
        assert.equal(run.status, 1, describeRun(run));
        assert.match(run.stderr, says);
        await program.mustPass();
      }));
  }
});
