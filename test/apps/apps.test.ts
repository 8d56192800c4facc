import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Act, APPS, bigApp, goAndReturn } from '../support/apps.js';
import { bounded } from '../support/kernel.js';
import { tool } from '../support/tool.js';
import { sleep } from '../support/wait.js';

const freezeOnly: Act = async (program, ...dumpArgs) => {
  await tool.dump(program.pid, join(program.dir, 'images'), '-R', ...dumpArgs);
  await sleep(100);
};
const leaveAndReturn = goAndReturn({ dumper: tool, restorer: tool });

for (const { name, run } of APPS) {
  describe(name, () => {
    test('control', (t) => bounded(t, () => run(() => sleep(50))));
    test('goes and returns', (t) => bounded(t, () => run(leaveAndReturn)));
    test('goes on after a dump with -R', (t) => bounded(t, () => run(freezeOnly)));
  });
}

const big = bigApp(1024);
test(`${big.name}, the same before and after`, (t) => bounded(t, () => big.run(leaveAndReturn)));
