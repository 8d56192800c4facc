import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePort, goldenCore, rebuildState } from '../../../test/support/task-states.js';
import { IMAGES } from '../../images/catalogue.js';
import { decode, encode } from '../../images/codec.js';
import { ImageSet } from '../../images/directory.js';
import { cgroup_entry } from '../../images/messages/cgroup.js';
import { defined } from '../../support/assert.js';
import { defineTaskState } from '../kinds.js';
import { type CgroupOptions, DEFAULT_OBJECT_OPTIONS } from '../options.js';
import { rebuildCgroups } from './rebuild.js';
import { CgroupSets } from './sets.js';

const ALL = { controllers: [] };
const none = () => [];
const OWN = '4:memory:/own\n1:name=systemd:/\n0::/\n';
const OTHER = '4:memory:/box\n1:name=systemd:/\n0::/box/a:b\n';

test("threads in woodfrog's own cgroups are in set 1, and there is no image", () => {
  const sets = new CgroupSets(OWN, ALL);
  assert.equal(sets.idOf(OWN), 1);
  assert.equal(sets.entry(none), undefined);
  const golden = goldenCore('tasks', 11073);
  assert.equal(golden.thread_core?.cg_set, 1);
});

test('others get a set each, with every hierarchy', () => {
  const sets = new CgroupSets(OWN, ALL);
  assert.deepEqual([sets.idOf(OTHER), sets.idOf(OWN), sets.idOf(OTHER)], [2, 1, 2]);
  const entry = defined(sets.entry(none), 'entry');
  assert.deepEqual(entry.sets[0], {
    id: 2,
    ctls: [
      { name: '', path: '/box/a:b' },
      { name: 'memory', path: '/box' },
      { name: 'name=systemd', path: '/' },
    ],
  });
  const bytes = encode(cgroup_entry, entry);
  const back = decode(cgroup_entry, bytes, { file: 'cgroup.img', entry: 0, offset: 0 });
  assert.deepEqual(back, entry);
});

test('a removed cgroup is refused', () => {
  const sets = new CgroupSets(OWN, ALL);
  assert.throws(() => sets.idOf('0::/gone (deleted)\n'), /cgroup '\/gone' has been removed/);
});

const MOUNTS = [
  '30 29 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '31 29 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd',
  '32 29 0:28 /box /mnt/box rw - cgroup2 cgroup2 rw',
].join('\n');

/** The host steps for a leader in `leader` and, given one, a thread in another set. */
function stepsFor({
  existing,
  leader = 2,
  cgroups = DEFAULT_OBJECT_OPTIONS.cgroups,
}: {
  existing: string[];
  leader?: number;
  cgroups?: CgroupOptions;
}) {
  const sets = new CgroupSets(OWN, ALL);
  sets.idOf(OTHER);
  const images = new ImageSet();
  images.put(IMAGES.CGROUP, defined(sets.entry(none), 'entry'));
  const golden = goldenCore('tasks', 11073);
  const core = {
    ...golden,
    thread_core: { ...defined(golden.thread_core, 'thread'), cg_set: leader },
  };
  const files = Object.fromEntries(existing.map((path) => [path, '']));
  const port = fakePort({
    files: {
      ...files,
      '/proc/self/mountinfo': `${MOUNTS}\n`,
      '/proc/thread-self/cgroup': '4:memory:/here\n1:name=systemd:/\n0::/\n',
    },
  });
  const nothing = defineTaskState({ name: 'none', scope: 'process' });
  const { context, plan } = rebuildState(nothing, { core, port, images });
  rebuildCgroups({ ...context, options: { ...DEFAULT_OBJECT_OPTIONS, cgroups } });
  return plan.hostSteps.map(({ stage, what }) => `${stage}: ${what}`);
}

const FOLDERS = ['/sys/fs/cgroup/memory/box', '/mnt/box/a:b'];

test('a process returns to cgroups that woodfrog is not in, at last', () => {
  assert.deepEqual(stepsFor({ existing: FOLDERS }), [
    'commit: write 412 to /mnt/box/a:b/cgroup.procs',
    'commit: write 412 to /sys/fs/cgroup/memory/box/cgroup.procs',
  ]);
  assert.deepEqual(stepsFor({ existing: FOLDERS, leader: 1 }), []);
});

test('a missing cgroup and a missing set are errors', () => {
  assert.throws(
    () => stepsFor({ existing: FOLDERS.slice(0, 1) }),
    /cgroup '\/box\/a:b' is not there any more/,
  );
  assert.throws(() => stepsFor({ existing: FOLDERS, leader: 9 }), /cgroup set 9 is not in it/);
});

test('soft makes what is missing, sets it, and only then is anybody moved; another root moves all', () => {
  const some = { roots: [], controllers: [], properties: [] };
  const memory = ['/mnt/box', ...FOLDERS.slice(0, 1)];
  assert.deepEqual(stepsFor({ existing: memory, cgroups: { ...some, mode: 'soft' } }), [
    'commit: make the cgroup /mnt/box/a:b',
    'commit: write 412 to /mnt/box/a:b/cgroup.procs',
    'commit: write 412 to /sys/fs/cgroup/memory/box/cgroup.procs',
  ]);
  assert.throws(
    () => stepsFor({ existing: [], cgroups: { ...some, mode: 'props' } }),
    /is not there any more/,
  );
  assert.deepEqual(stepsFor({ existing: [], cgroups: { ...some, mode: 'ignore' } }), []);
  const roots = [{ controller: 'memory', path: '/new/place' }];
  assert.deepEqual(
    stepsFor({ existing: FOLDERS.slice(1), cgroups: { ...some, roots, mode: 'full' } }),
    [
      'commit: make the cgroup /sys/fs/cgroup/memory/new',
      'commit: make the cgroup /sys/fs/cgroup/memory/new/place',
      'commit: write 412 to /mnt/box/a:b/cgroup.procs',
      'commit: write 412 to /sys/fs/cgroup/memory/new/place/cgroup.procs',
    ],
  );
});
