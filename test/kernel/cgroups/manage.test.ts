/** --manage-cgroups and its companions: cgroups that are made again, and set as they were. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { FolderStore } from '../../../src/folder/store.js';
import { IMAGES } from '../../../src/images/catalogue.js';
import { readImageSet } from '../../../src/images/directory.js';
import { editImage } from '../../support/edit-image.js';
import { bounded } from '../../support/kernel.js';
import { type Program, startProgram } from '../../support/program.js';
import { describeRun, saidBy, tool } from '../../support/tool.js';
import { placesOf, TestCgroups } from './settings.js';

const groups = new TestCgroups('manage');

interface Bench {
  program: Program;
  pids: readonly number[];
  images: string;
  before: Record<string, string>;
}

/** A parent in NAME, its child in NAME/lower; both dumped, unless told otherwise. */
async function bench({ dumpArgs = [] as string[], dumps = true } = {}): Promise<Bench> {
  groups.remove();
  groups.make();
  const program = startProgram('kernel/cgroups/cgroups.c');
  await program.waitReady();
  const pids = program.tree();
  groups.enter(pids.at(0) ?? 0);
  groups.enter(pids.at(-1) ?? 0, 'lower');
  const images = join(program.dir, 'images');
  const before = groups.state();
  if (dumps) {
    await tool.dump(program.pid, images, ...dumpArgs);
    await program.mustVanish(pids);
  }
  return { program, pids, images, before };
}

async function mustRefuse({ images }: Bench, words: RegExp, ...args: string[]): Promise<void> {
  const run = await tool.attemptRestore(images, args);
  assert.equal(run.status, 1, describeRun(run));
  assert.match(saidBy(run), words, describeRun(run));
}

/** Both are where they were, or below another name. */
function mustBeIn({ pids }: Bench, name = groups.name): void {
  const [upper, lower] = [pids.at(0) ?? 0, pids.at(-1) ?? 0].map((pid) => placesOf(pid, name));
  assert.ok(upper && upper.length > 0 && upper.every((path) => path === `/${name}`), upper?.join());
  assert.ok(
    lower?.every((path) => path === `/${name}/lower`),
    lower?.join(),
  );
  assert.equal(lower?.length, upper.length);
}

const controllersIn = (images: string) =>
  readImageSet(new FolderStore(images)).require(IMAGES.CGROUP).controllers;

const modes: readonly [name: string, run: (t: TestContext) => Promise<void>][] = [
  [
    'soft makes cgroups that are gone, with their properties and permissions',
    async () => {
      const b = await bench();
      groups.remove();
      await tool.restore(b.images, '--manage-cgroups');
      mustBeIn(b);
      assert.deepEqual(groups.state(), b.before);
      await b.program.mustPass();
    },
  ],
  [
    'soft and none leave cgroups that are there as they are',
    async () => {
      const b = await bench();
      groups.disturb();
      const now = groups.state();
      await tool.restore(b.images, '--manage-cgroups=soft');
      mustBeIn(b);
      assert.deepEqual(groups.state(), now);
      await tool.dump(b.program.pid, `${b.images}-2`);
      await b.program.mustVanish(b.pids);
      await tool.restore(`${b.images}-2`, '--manage-cgroups=none');
      mustBeIn(b);
      assert.deepEqual(groups.state(), now);
      await b.program.mustPass();
    },
  ],
  [
    'full and props set cgroups that are there; props and none want them there',
    async () => {
      const b = await bench();
      groups.disturb();
      await tool.restore(b.images, '--manage-cgroups=full');
      mustBeIn(b);
      assert.deepEqual(groups.state(), b.before);
      await tool.dump(b.program.pid, `${b.images}-2`);
      await b.program.mustVanish(b.pids);
      groups.disturb();
      await tool.restore(`${b.images}-2`, '--manage-cgroups=props');
      assert.deepEqual(groups.state(), b.before);
      await tool.dump(b.program.pid, `${b.images}-3`);
      await b.program.mustVanish(b.pids);
      groups.remove();
      for (const mode of ['props', 'none']) {
        await mustRefuse(
          { ...b, images: `${b.images}-3` },
          /is not there any more/,
          `--manage-cgroups=${mode}`,
        );
      }
      await tool.restore(`${b.images}-3`, '--manage-cgroups=full');
      assert.deepEqual(groups.state(), b.before);
      await b.program.mustPass();
    },
  ],
  [
    'strict makes them all, and refuses those that are there',
    async () => {
      const b = await bench();
      await mustRefuse(b, /is there already/, '--manage-cgroups=strict');
      groups.remove();
      await tool.restore(b.images, '--manage-cgroups=strict');
      mustBeIn(b);
      assert.deepEqual(groups.state(), b.before);
      await b.program.mustPass();
    },
  ],
  [
    'ignore neither moves nor makes anything',
    async () => {
      const b = await bench();
      groups.remove();
      await tool.restore(b.images, '--manage-cgroups=ignore');
      for (const pid of b.pids) assert.deepEqual(placesOf(pid, groups.name), []);
      assert.ok(Object.values(groups.state()).every((fact) => fact === 'missing'));
      await b.program.mustPass();
    },
  ],
  [
    'another root takes the place of the topmost cgroup',
    async () => {
      const b = await bench();
      groups.remove();
      const other = `${groups.name}-other`;
      await tool.restore(b.images, '--manage-cgroups', '--cgroup-root', `/${other}`);
      mustBeIn(b, other);
      assert.deepEqual(groups.state(other), b.before);
      await b.program.mustPass();
    },
  ],
  [
    'a restore that fails takes away what it made',
    async () => {
      const b = await bench();
      groups.remove();
      editImage(b.images, IMAGES.CGROUP, {
        edit: ({ controllers }) => {
          const unified = controllers.find(({ cnames }) => cnames[0] === '');
          const wrong = unified?.dirs[0]?.properties.find(
            ({ name }) => name === 'cgroup.max.depth',
          );
          assert.ok(wrong);
          wrong.value = 'no number';
        },
      });
      await mustRefuse(
        b,
        /'no number' cannot be written to .*cgroup\.max\.depth/,
        '--manage-cgroups',
      );
      assert.ok(Object.values(groups.state()).every((fact) => fact === 'missing'));
      for (const pid of b.pids) assert.ok(!existsSync(`/proc/${pid}`));
      groups.make();
      await tool.restore(b.images, '--manage-cgroups=none');
      await b.program.mustPass();
    },
  ],
  [
    'a root, controllers and properties are chosen for the dump',
    async () => {
      const b = await bench({ dumps: false });
      const props = '"pids":\n - "strategy": "replace"\n - "properties": ["pids.current"]\n';
      const chosen = [
        '--cgroup-dump-controller',
        'pids',
        '--cgroup-root',
        `pids:/${groups.name}/lower`,
      ];
      await tool.dump(b.program.pid, b.images, '-R', ...chosen, '--cgroup-props', props);
      const [pids, ...others] = controllersIn(b.images);
      assert.deepEqual(others, []);
      assert.deepEqual(
        pids?.dirs.map(({ dir_name }) => dir_name),
        [`${groups.name}/lower`],
      );
      const values = pids?.dirs[0]?.properties.map(({ name, value }) => `${name}=${value}`);
      assert.deepEqual(values?.slice(0, 2), ['pids.current=1', 'cgroup.clone_children=0']);
      const file = join(b.program.dir, 'props');
      writeFileSync(file, props.replace('replace', 'merge'));
      await tool.dump(b.program.pid, `${b.images}-2`, '-R', '--cgroup-props-file', file);
      const both = controllersIn(`${b.images}-2`).find(({ cnames }) => cnames[0] === 'pids');
      const names = both?.dirs[0]?.properties.map(({ name }) => name);
      assert.deepEqual(names?.slice(0, 2), ['pids.max', 'pids.current']);
      await b.program.mustPass();
    },
  ],
  [
    'hierarchies are found in a yard',
    async () => {
      const b = await bench({ dumps: false });
      const yard = join(b.program.dir, 'yard');
      mkdirSync(yard);
      const args = ['--cgroup-yard', yard];
      const run = await tool.attemptDump(b.program.pid, b.images, args);
      assert.match(saidBy(run), /ENOENT/, 'an empty yard has nothing');
      for (const name of readdirSync('/sys/fs/cgroup'))
        symlinkSync(join('/sys/fs/cgroup', name), join(yard, name));
      await tool.dump(b.program.pid, b.images, ...args);
      await b.program.mustVanish(b.pids);
      groups.remove();
      await tool.restore(b.images, '--manage-cgroups', ...args);
      mustBeIn(b);
      assert.deepEqual(groups.state(), b.before);
      await b.program.mustPass();
    },
  ],
];

if (groups.isEmpty) {
  test('cgroups that are managed', { skip: 'no cgroup hierarchy is mounted' }, () => {});
} else {
  describe('cgroups that are managed', () => {
    after(() => groups.clean());
    for (const [name, run] of modes) test(name, (t) => bounded(t, () => run(t)));
  });
}
