import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCgroupProps } from './cgroups.js';
import { readCommandLine } from './command-line.js';

const read = (...args: string[]) => {
  const line = readCommandLine(args, { HOME: '/nonexistent' });
  assert.ok(line.kind === 'dump' || line.kind === 'restore');
  return line.options.cgroups;
};

test('modes, roots, controllers and a yard are read', () => {
  const nothing = { roots: [], controllers: [], properties: [] };
  assert.deepEqual(read('restore'), nothing);
  assert.deepEqual(read('restore', '--manage-cgroups'), { ...nothing, mode: 'soft' });
  assert.deepEqual(read('restore', '--manage-cgroups=strict'), { ...nothing, mode: 'strict' });
  const roots = [{ path: '/a' }, { controller: 'pids', path: '/b/c' }];
  assert.deepEqual(read('restore', '--cgroup-root', '/a', '--cgroup-root', 'pids:/b/c'), {
    ...nothing,
    roots,
  });
  const chosen = ['--cgroup-dump-controller', 'cpu', '--cgroup-dump-controller', 'pids'];
  assert.deepEqual(read('dump', '-t1', ...chosen, '--cgroup-yard', '/y'), {
    ...nothing,
    controllers: ['cpu', 'pids'],
    yard: '/y',
  });
  assert.throws(() => read('restore', '--manage-cgroups=cpuset'), /has the value 'cpuset'/);
  assert.throws(() => read('restore', '--cgroup-root', 'pids'), /\[CONTROLLER:\]\/PATH/);
  assert.throws(
    () => read('dump', '-t1', '--cgroup-props-file', '/no/such'),
    /'\/no\/such': ENOENT/,
  );
});

test('properties are read as criu(8) writes them', () => {
  const text =
    '"c1":\n - "strategy": "merge"\n - "properties": ["a", "b"]\n\n"c2":\n - "strategy": "replace"\n';
  assert.deepEqual(parseCgroupProps(text), [
    { controller: 'c1', strategy: 'merge', properties: ['a', 'b'] },
    { controller: 'c2', strategy: 'replace', properties: [] },
  ]);
  for (const wrong of [
    ' - "strategy": "merge"',
    '"c":\n - "strategy": "other"',
    '"c":\n - "properties": ["a"]',
    '"c":\n - "strategy": "merge"\n - "properties": [a]',
    'c:',
  ]) {
    assert.throws(() => parseCgroupProps(wrong), /Cgroup properties/, wrong);
  }
});
