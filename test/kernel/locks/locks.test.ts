import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bounded, kernelTest } from '../../support/kernel.js';
import { startProgram, stopAll } from '../../support/program.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';

/** The number of a lock in the kernel's list, and the inode of a deleted file. */
const ignore = [/fdinfo\/\d+$/];
const locks = ['--file-locks'];

for (const [play, name, criuFails] of [
  ['flock', 'flock(2): shared and exclusive ones stay, and who has them in common'],
  [
    'posix',
    'POSIX locks stay, each of its own process, by range',
    'it does not see the locks of a second process that has the same description',
  ],
  ['ofd', 'OFD locks stay, by range'],
  ['lease', 'leases stay, and are broken as before'],
  ['deleted', 'locks on a deleted file stay'],
] as const) {
  kernelTest({
    ...{ name, program: 'locks/locks.c', args: [play], ignore, rounds: 2 },
    ...{ dumpArgs: locks, restoreArgs: locks, ...(criuFails && { criuFails }) },
  });
}

const outside = 'locks/outside.c';

kernelTest({
  name: 'an outsider with locks of its own on the same file is none of our business',
  ...{ program: outside, args: ['apart'], ignore, dumpArgs: locks, restoreArgs: locks },
});

const skip = tool.isCriu ? { skip: "CRIU's own words" } : {};
describe('refused by name, and as before afterwards:', skip, () => {
  after(stopAll);
  for (const [play, what, says] of [
    [
      'flock',
      'a lock of flock(2) that an outsider has in common',
      'together with process STRANGER',
    ],
    ['ofd', 'an OFD lock that an outsider has in common', 'together with process STRANGER'],
    ['lease', 'a lease that an outsider has in common', 'together with process STRANGER'],
    ['breaking', 'a lease that an outsider is breaking', 'somebody else is breaking'],
  ] as const) {
    test(what, (t) => bounded(t, () => refuse(play, says)));
  }
});

async function refuse(play: string, says: string): Promise<void> {
  const program = startProgram(join('kernel', outside), { args: [play] });
  await program.waitReady();
  const [, stranger = '?'] = /^STRANGER (\d+)$/m.exec(program.output()) ?? [];
  const run = await tool.attemptDump(program.pid, join(program.dir, 'images'), locks);
  assert.notEqual(run.status, 0, describeRun(run));
  assert.ok(saidBy(run).includes(says.replace('STRANGER', stranger)), describeRun(run));
  await program.mustPass();
}
