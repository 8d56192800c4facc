import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bounded, kernelTest } from '../../support/kernel.js';
import { startProgram } from '../../support/program.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';

const program = 'cgroups/cgroups.c';
const criuFails = 'it restores cgroups only with --manage-cgroups';

/** Folders of hierarchies that a test may make cgroups in: any of version 1, and version 2. */
const hierarchies = ['freezer', 'pids', 'unified', '.']
  .map((name) => join('/sys/fs/cgroup', name))
  .filter((folder) => existsSync(join(folder, 'cgroup.procs')));
const ours = hierarchies.map((folder) => join(folder, `woodfrog-test-${process.pid}`));

const make = (): void => {
  for (const folder of ours) mkdirSync(folder, { recursive: true });
};
const remove = (): void => {
  for (const folder of ours) if (existsSync(folder)) rmdirSync(folder);
};
const enter = (pid: number): void => {
  for (const folder of ours) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
};
const cgroupsOf = (pid: number): string => readFileSync(`/proc/${pid}/cgroup`, 'utf8');

if (ours.length === 0) {
  test('cgroups', { skip: 'no cgroup hierarchy is mounted' }, () => {});
} else {
  describe('cgroups', () => {
    after(remove);
    kernelTest({
      name: 'a child returns to its cgroups, its parent to its own',
      program,
      criuFails,
      // The snapshot was taken before.
      ignore: [/cgroup/],
      beforeDump: ({ pids }) => {
        make();
        enter(pids.at(-1) ?? 0);
      },
      afterRestore: ({ pids }) => {
        const [parent = 0, child = 0] = [pids.at(0), pids.at(-1)];
        const name = `woodfrog-test-${process.pid}`;
        assert.equal(cgroupsOf(child).split(name).length - 1, ours.length, cgroupsOf(child));
        assert.ok(!cgroupsOf(parent).includes(name));
      },
    });
    test('a cgroup that is gone at the restore is named', (t) =>
      bounded(t, async () => {
        make();
        const running = startProgram(join('kernel', program), {});
        await running.waitReady();
        const pids = running.tree();
        enter(pids.at(-1) ?? 0);
        const images = join(running.dir, 'images');
        await tool.dump(running.pid, images);
        await running.mustVanish(pids);
        remove();
        const run = await tool.attemptRestore(images);
        assert.notEqual(run.status, 0);
        assert.match(saidBy(run), /is not there any more/, describeRun(run));
        make();
        await tool.restore(images);
        await running.mustPass();
      }));
  });
}
