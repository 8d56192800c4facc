/** cgroup.img: both save the same of the same tree, and each restores what the other saved. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FolderStore } from '../../src/folder/store.js';
import { IMAGES } from '../../src/images/catalogue.js';
import { readImageSet } from '../../src/images/directory.js';
import type { CgroupDirectory } from '../../src/images/messages/cgroup.js';
import { placesOf, TestCgroups } from '../kernel/cgroups/settings.js';
import { bounded } from '../support/kernel.js';
import { startProgram } from '../support/program.js';
import { criu, NO_CRIU, type Tool, tool } from '../support/tool.js';

const other = criu();
const groups = new TestCgroups('interop');

async function start() {
  groups.remove();
  groups.make();
  const program = startProgram('kernel/cgroups/cgroups.c');
  await program.waitReady();
  const pids = program.tree();
  groups.enter(pids.at(0) ?? 0);
  groups.enter(pids.at(-1) ?? 0, 'lower');
  return { program, pids, images: join(program.dir, 'images') };
}

/** What only woodfrog saves: properties of controllers of version 2, and who may move tasks there. */
const ONLY_OURS = /^(?:hugetlb\.2MB\.|hugetlb\.1GB\.|cgroup\.threads$)/;

/** As paths and values, in order. */
function flatten(dir: CgroupDirectory, isUnified: boolean): string[] {
  const own = dir.properties
    .filter(({ name }) => !ONLY_OURS.test(name) && !(isUnified && name === 'cgroup.procs'))
    .map(({ name, value, perms }) => `${name}=${value} ${perms?.mode} ${perms?.uid} ${perms?.gid}`);
  const below = dir.children.flatMap((child) => flatten(child, isUnified));
  const { mode, uid, gid } = dir.dir_perms ?? {};
  return [`${mode} ${uid} ${gid}`, ...own, ...below].map((line) => `${dir.dir_name}/${line}`);
}

/** Of the hierarchies, those below whose root the tree has cgroups of its own. */
function settingsIn(folder: string): Record<string, string[]> {
  const { controllers } = readImageSet(new FolderStore(folder)).require(IMAGES.CGROUP);
  return Object.fromEntries(
    controllers.map(({ cnames, dirs, is_threaded }) => {
      const name = cnames.join(',');
      const lines = dirs
        .filter(({ dir_name }) => dir_name !== '')
        .flatMap((dir) => flatten(dir, name === ''));
      return [name, [`threaded: ${is_threaded}`, ...lines]];
    }),
  );
}

function setsIn(folder: string) {
  const set = readImageSet(new FolderStore(folder));
  return set.require(IMAGES.CGROUP).sets.map(({ id, ctls }) => ({ id, ctls }));
}

if (other === undefined || groups.isEmpty) {
  test('cgroups go to CRIU and come back', { skip: NO_CRIU }, () => {});
} else {
  describe('cgroups', () => {
    after(() => groups.clean());

    test('both save the same sets and settings', (t) =>
      bounded(t, async () => {
        const { program, images } = await start();
        await tool.dump(program.pid, images, '-R', '--manage-cgroups');
        await other.dump(program.pid, `${images}-2`, '-R', '--manage-cgroups');
        assert.deepEqual(setsIn(images), setsIn(`${images}-2`));
        assert.deepEqual(settingsIn(images), settingsIn(`${images}-2`));
        await program.mustPass();
      }));

    const pairs: readonly [string, Tool, Tool][] = [
      ['woodfrog dumps, CRIU restores', tool, other],
      ['CRIU dumps, woodfrog restores', other, tool],
    ];
    const known = (facts: Record<string, string>, dumper: Tool): Record<string, string> =>
      Object.fromEntries(
        Object.entries(facts).filter(
          ([key]) => dumper === tool || !/hugetlb|unified.*procs/.test(key),
        ),
      );
    for (const [name, dumper, restorer] of pairs) {
      for (const mode of ['soft', 'full', 'strict']) {
        test(`cgroups that are gone are made again, mode ${mode}: ${name}`, (t) =>
          bounded(t, async () => {
            const { program, pids, images } = await start();
            const before = groups.state();
            await dumper.dump(program.pid, images, '--manage-cgroups');
            await program.mustVanish(pids);
            groups.remove();
            await restorer.restore(images, `--manage-cgroups=${mode}`);
            assert.deepEqual(known(groups.state(), dumper), known(before, dumper));
            for (const pid of pids) assert.ok(placesOf(pid, groups.name).length > 0);
            await program.mustPass();
          }));
      }
      for (const mode of ['none', 'props', 'ignore']) {
        test(`cgroups that are there are used, mode ${mode}: ${name}`, (t) =>
          bounded(t, async () => {
            const { program, pids, images } = await start();
            const before = groups.state();
            await dumper.dump(program.pid, images, '--manage-cgroups');
            await program.mustVanish(pids);
            await restorer.restore(images, `--manage-cgroups=${mode}`);
            assert.deepEqual(known(groups.state(), dumper), known(before, dumper));
            const isThere = (pid: number): boolean => placesOf(pid, groups.name).length > 0;
            assert.deepEqual(
              pids.map(isThere),
              pids.map(() => mode !== 'ignore'),
            );
            await program.mustPass();
          }));
      }
    }
  });
}
