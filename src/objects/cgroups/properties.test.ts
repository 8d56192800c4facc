import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonRoot, givenRoot } from './hierarchies.js';
import { propertyNames, propertyWrites, savedValue } from './properties.js';

const none = { properties: [] };

test('properties are those of the controllers that are there, and of every cgroup', () => {
  const there = ['tasks', 'cgroup.procs', 'pids.current', 'pids.max', 'notify_on_release'];
  const v1 = propertyNames(['pids'], there, { isUnified: false, ...none });
  assert.deepEqual(v1, ['pids.max', 'notify_on_release', 'cgroup.procs', 'tasks']);
  const files = [
    'cgroup.freeze',
    'hugetlb.1GB.current',
    'hugetlb.2MB.rsvd.max',
    'hugetlb.2MB.max',
    'pids.max',
  ];
  const v2 = propertyNames(['hugetlb'], files, { isUnified: true, ...none });
  assert.deepEqual(v2, ['hugetlb.2MB.max', 'hugetlb.2MB.rsvd.max', 'cgroup.freeze']);
});

test('properties can be added, and named in place of the known ones', () => {
  const there = ['cpu.shares', 'cpu.stat', 'tasks'];
  const names = (strategy: 'merge' | 'replace') =>
    propertyNames(['cpu'], there, {
      isUnified: false,
      properties: [{ controller: 'cpu', strategy, properties: ['cpu.stat', 'cpu.none'] }],
    });
  assert.deepEqual(names('merge'), ['cpu.shares', 'cpu.stat', 'tasks']);
  assert.deepEqual(names('replace'), ['cpu.stat', 'tasks']);
});

test('a property is written in the form that its file takes, and only if it differs', () => {
  const writes = (name: string, value: string, now: string) =>
    propertyWrites(name, { value, now }).map(({ file, text }) => `${file} ${text}`);
  assert.deepEqual(writes('pids.max', '33', '33\n'), []);
  assert.deepEqual(writes('pids.max', '33', 'max\n'), ['pids.max 33']);
  assert.deepEqual(writes('tasks', '', '12\n'), []);
  assert.deepEqual(writes('cgroup.subtree_control', 'cpu pids', 'io pids\n'), [
    'cgroup.subtree_control +cpu',
    'cgroup.subtree_control -io',
  ]);
  assert.deepEqual(writes('cgroup.type', 'domain', 'domain threaded\n'), []);
  assert.deepEqual(writes('cgroup.type', 'threaded', 'domain\n'), ['cgroup.type threaded']);
  assert.deepEqual(writes('devices.list', 'c 1:3 rwm\nb *:* m', 'a *:* rwm\n'), [
    'devices.deny a',
    'devices.allow c 1:3 rwm',
    'devices.allow b *:* m',
  ]);
  assert.deepEqual(writes('io.max', '8:0 rbps=1\n8:16 wiops=2', ''), [
    'io.max 8:0 rbps=1',
    'io.max 8:16 wiops=2',
  ]);
  const oom = 'oom_kill_disable 1\nunder_oom 0\noom_kill 3\n';
  assert.equal(savedValue('memory.oom_control', oom), '1');
  assert.deepEqual(writes('memory.oom_control', '1', oom), []);
  assert.deepEqual(writes('memory.oom_control', '0', oom), ['memory.oom_control 0']);
});

test('a root is for its controller, or for all others', () => {
  const roots = [
    { controller: 'cpu', path: '/a' },
    { path: '/b/' },
    { controller: 'systemd', path: '/c' },
  ];
  const of = (name: string) => givenRoot(name, { roots });
  assert.deepEqual(
    [of('cpu,cpuacct'), of('pids'), of('name=systemd'), of('')],
    ['/a', '/b', '/c', '/b'],
  );
  assert.equal(givenRoot('pids', { roots: roots.slice(0, 1) }), undefined);
  assert.equal(commonRoot(['/x/y', '/x/yz', '/x/y/z']), '/x');
  assert.equal(commonRoot(['/x/y']), '/x/y');
  assert.equal(commonRoot(['/x', '/']), '/');
  assert.equal(commonRoot([]), '/');
});
