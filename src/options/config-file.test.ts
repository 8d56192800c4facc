import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig, readConfigFiles, splitLine } from './config-file.js';

const read = (text: string) =>
  parseConfig(text, 'a.conf', 0).map(
    ({ spec, text: value, negated }) => `${negated ? 'no-' : ''}${spec.name}:${value ?? ''}`,
  );

test("the manual's example is understood", () => {
  const example = [
    'tcp-established',
    'work-dir "/srv/criu/my \\"work\\" directory"',
    '#this is a comment',
    'no-restore-sibling   # this is another comment',
  ];
  assert.deepEqual(read(example.join('\n')), [
    'tcp-established:',
    'work-dir:/srv/criu/my "work" directory',
    'no-restore-sibling:',
  ]);
});

test('a line is split at blanks, with quotes and comments', () => {
  assert.deepEqual(splitLine(''), []);
  assert.deepEqual(splitLine(' \t\r'), []);
  assert.deepEqual(splitLine('  log-file\tdump.log # why'), ['log-file', 'dump.log']);
  assert.deepEqual(splitLine('log-file "a # b"'), ['log-file', 'a # b']);
  assert.deepEqual(splitLine('log-file ""'), ['log-file', '']);
  assert.deepEqual(splitLine('log-file a\\nb'), ['log-file', 'a\\nb']);
  assert.deepEqual(splitLine('log-file "a\\nb"'), ['log-file', 'a\\nb']);
});

test('an argument that may be left out can follow after a blank', () => {
  assert.deepEqual(read('verbosity 4\nmanage-cgroups ignore\nverbosity'), [
    'verbosity:4',
    'manage-cgroups:ignore',
    'verbosity:',
  ]);
});

test('mistakes are told with file and line', () => {
  const mistakes: [string, RegExp][] = [
    ['\nno-such', /Unknown option '--no-such' \(a\.conf, line 2\)/],
    ['log-file a b', /more than one argument \(a\.conf, line 1\)/],
    ['--log-file a', /'--log-file' has dashes/],
    ['log-file "a', /A double quote is not closed \(a\.conf, line 1\)/],
    ['leave-running 5', /takes no argument \(a\.conf, line 1\)/],
    ['timeout', /needs an argument \(a\.conf, line 1\)/],
    ['config other.conf', /cannot stand in a configuration file/],
  ];
  for (const [text, expected] of mistakes) assert.throws(() => read(text), expected);
});

test('files are read in order: home, environment, --config; only named ones must exist', () => {
  const home = mkdtempSync(join(tmpdir(), 'woodfrog-config-'));
  try {
    mkdirSync(join(home, '.criu'));
    writeFileSync(join(home, '.criu/default.conf'), 'log-file home');
    writeFileSync(join(home, 'env.conf'), 'log-file env');
    writeFileSync(join(home, 'named.conf'), 'log-file named');
    const env = { HOME: home, CRIU_CONFIG_FILE: join(home, 'env.conf') };
    const texts = (defaults: boolean) =>
      readConfigFiles({ defaults, named: [join(home, 'named.conf')], env })
        .filter(({ source }) => source.where.includes(home))
        .map(({ text }) => text);
    assert.deepEqual(texts(true), ['home', 'env', 'named']);
    assert.deepEqual(texts(false), ['env', 'named']);
    const missing = { defaults: false, named: [join(home, 'none.conf')], env: {} };
    assert.throws(
      () => readConfigFiles(missing),
      /Cannot read configuration file '.*none.conf': ENOENT/,
    );
    const noHome = { defaults: false, named: [], env: { HOME: join(home, 'none') } };
    assert.deepEqual(readConfigFiles(noHome), []);
  } finally {
    rmSync(home, { recursive: true });
  }
});
