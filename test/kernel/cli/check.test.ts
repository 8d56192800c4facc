/** check: what this kernel has, in CRIU's words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeRun, tool } from '../../support/tool.js';

async function check(...args: string[]) {
  const run = await tool.run(['check', ...args]);
  assert.equal(run.signal, null, describeRun(run));
  return run;
}

test('check says that it looks good where everything needed is there', async () => {
  const { status, stdout } = await check();
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^Looks good\.$/m);
});

test('check --all says what is missing, why, and what for', async () => {
  const { status, stdout } = await check('--all');
  assert.equal(status, /^Looks good\.$/m.test(stdout) ? 0 : 1);
  if (status === 0) return;
  assert.match(stdout, /^Missing: \w+: .* \(needed for .*\)$/m);
  assert.match(stdout, /^Looks good but some kernel features are missing$/m);
});

test('check --feature answers for one, in words and by its status', async () => {
  const there = await check('--feature', 'clone3_set_tid');
  assert.deepEqual([there.status, there.stdout], [0, 'clone3_set_tid is supported\n']);
  const { status, stderr } = await check('--feature', 'nosuch');
  assert.equal(status, 2);
  assert.match(stderr, /'nosuch' is no kernel feature\nRemedy: '--feature list'/);
});

test('check --feature list names them all, and each can be asked for', async () => {
  const { stdout } = await check('--feature', 'list');
  const names = stdout.trim().split(/\s+/);
  assert.ok(names.length > 30 && names.includes('timens'));
  const all = await check(...names.flatMap((name) => ['--feature', name]));
  const answered = all.stdout
    .trimEnd()
    .split('\n')
    .map((line) => /^(\S+) is (?:not )?supported/.exec(line)?.[1]);
  assert.deepEqual(answered, names);
});

test('check --json gives each feature with its category', async () => {
  const { kind, results } = JSON.parse((await check('--json')).stdout);
  assert.equal(kind, 'checked');
  for (const { name, category, available } of results) {
    assert.match(name, /^[\w-]+$/);
    assert.equal(category, 1);
    assert.equal(typeof available, 'boolean');
  }
});
