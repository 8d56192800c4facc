import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bounded, kernelTest } from '../../support/kernel.js';
import { startCommand, stopAll } from '../../support/program.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';
import { waitFor } from '../../support/wait.js';

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

const skip = tool.isCriu ? { skip: "CRIU's own words" } : {};
test('a lock that an outsider has in common is refused by name', skip, (t) =>
  bounded(t, async () => {
    after(stopAll);
    // flock(1) holds the lock, and waits for the program, which has inherited it.
    const outside = startCommand(['flock', 'lock', 'setsid', 'sleep', '1000']);
    const child = await waitFor('the program', () => outside.tree()[2] ?? outside.tree()[1]);
    const args = ['--file-locks'];
    const run = await tool.attemptDump(child, join(outside.dir, 'images'), args);
    assert.notEqual(run.status, 0, describeRun(run));
    assert.match(saidBy(run), new RegExp(`together with process ${outside.pid} \\(flock\\)`));
  }),
);
