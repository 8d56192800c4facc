import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_VM } from '../linux/uapi/sched.js';
import { arrangeBirths } from './birth-order.js';
import { shareTables, type TableIds, TableOwners } from './shared-tables.js';

type Given = [vpid: number, ppid: number, ids: Partial<TableIds>];

const idsFor = ([vpid, , ids]: Given): TableIds => ({
  ...{ vm_id: vpid, files_id: vpid, fs_id: vpid, sighand_id: vpid },
  ...ids,
});

/** All in the root's session. `zombies`: who has nothing to share any more. */
function share(given: Given[], zombies: number[] = []) {
  const [[root] = [0]] = given;
  const members = arrangeBirths(
    given.map(([vpid, ppid]) => ({
      ...{ vpid, ppid, pgid: root, sid: root, isZombie: zombies.includes(vpid) },
    })),
  );
  const { flags, unshare } = shareTables(members, (vpid) => {
    const one = given.find(([own]) => own === vpid);
    return one === undefined || zombies.includes(vpid) ? undefined : idsFor(one);
  });
  const sorted = (map: Map<number, number>) => [...map].sort(([a], [b]) => a - b);
  return { flags: sorted(flags), unshare: sorted(unshare) };
}

test('those who share nothing are born as by fork', () => {
  const { flags, unshare } = share([
    [10, 0, {}],
    [11, 10, {}],
  ]);
  assert.deepEqual([flags, unshare], [[], []]);
});

test('parent and child share from birth', () => {
  const { flags } = share([
    [10, 0, {}],
    [11, 10, { files_id: 10 }],
    [12, 10, { vm_id: 10, sighand_id: 10, fs_id: 10 }],
  ]);
  assert.deepEqual(flags, [
    [11, CLONE_FILES],
    [12, CLONE_VM | CLONE_SIGHAND | CLONE_FS],
  ]);
});

test('who stands between two that share carries the table, then gives it up', () => {
  const grandchild: Given[] = [
    [10, 0, {}],
    [11, 10, {}],
    [12, 11, { files_id: 10 }],
  ];
  assert.deepEqual(share(grandchild), {
    flags: [
      [11, CLONE_FILES],
      [12, CLONE_FILES],
    ],
    unshare: [[11, CLONE_FILES]],
  });
  const siblings: Given[] = [
    [10, 0, {}],
    [11, 10, { fs_id: 7 }],
    [12, 10, { fs_id: 7 }],
    [13, 10, {}],
  ];
  assert.deepEqual(share(siblings), {
    flags: [
      [11, CLONE_FS],
      [12, CLONE_FS],
    ],
    unshare: [[10, CLONE_FS]],
  });
});

const refuses = (code: string, message: RegExp, ...given: Given[]): void =>
  assert.throws(() => share(given), { code, message });

test('memory is not given up: two that share it across another are refused', () => {
  refuses(
    'unsupported',
    /pids 10, 12 share their memory.*pid 11 stands between/,
    [10, 0, {}],
    [11, 10, {}],
    [12, 11, { vm_id: 10 }],
  );
});

test('tables that cross one another are refused', () => {
  refuses(
    'unsupported',
    /share their descriptor table/,
    [10, 0, { files_id: 1 }],
    [11, 10, { files_id: 2 }],
    [12, 11, { files_id: 1 }],
    [13, 12, { files_id: 2 }],
  );
});

test('signal handlers without memory are no kernel’s doing', () => {
  refuses(
    'image',
    /pid 11 shares signal handlers but not memory/,
    ...([
      [10, 0, {}],
      [11, 10, { sighand_id: 10 }],
    ] as Given[]),
  );
});

test('the first in the tree owns a table', () => {
  const owners = new TableOwners();
  const given: Given[] = [
    [10, 0, {}],
    [11, 10, { fs_id: 10 }],
    [12, 10, { fs_id: 10, files_id: 11 }],
  ];
  const seen = given.map((one) => owners.of(one[0], idsFor(one)));
  assert.deepEqual(
    seen.map(({ fs_id, files_id, vm_id }) => [fs_id, files_id, vm_id]),
    [
      [10, 10, 10],
      [10, 11, 11],
      [10, 11, 12],
    ],
  );
  assert.equal(owners.of(13, undefined).vm_id, 13);
});
