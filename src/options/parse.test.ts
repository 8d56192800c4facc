import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, parseArguments } from './parse.js';

/** '--name=text' or '--no-name' for each option, then the operands. */
function read(...args: string[]) {
  const { given, operands } = parseArguments(args);
  const options = given.map(
    ({ spec, text, negated }) =>
      `${negated ? 'no-' : ''}${spec.name}${text === undefined ? '' : `=${text}`}`,
  );
  return [...options, '|', ...operands].join(' ');
}

test('options and operands may stand in any order', () => {
  assert.equal(read('-D', 'x', 'dump', '-t', '5'), 'images-dir=x tree=5 | dump');
  assert.equal(read('dump', '--tree', '5', '--images-dir=x'), 'tree=5 images-dir=x | dump');
});

test('letters may stand together, and an argument may touch its letter', () => {
  assert.equal(
    read('-dSv4', '-Dx', '-sR'),
    'restore-detached restore-sibling verbosity=4 images-dir=x leave-stopped leave-running |',
  );
  assert.equal(read('-dD', 'x'), 'restore-detached images-dir=x |');
});

test('verbosity is read as getopt reads it', () => {
  assert.equal(read('-v', '-v4', '-vvvv'), 'verbosity verbosity=4 verbosity=vvv |');
  assert.equal(read('-verbosity=0'), 'verbosity=erbosity=0 |');
  assert.equal(read('--verbosity', '4'), 'verbosity | 4');
  assert.equal(read('--verbosity=4'), 'verbosity=4 |');
});

test('an argument that may be left out is only taken when it is attached', () => {
  assert.equal(read('--manage-cgroups', 'full'), 'manage-cgroups | full');
  assert.equal(read('--manage-cgroups=full'), 'manage-cgroups=full |');
});

test('an argument may look like an option, and may be empty after =', () => {
  assert.equal(read('-o', '-v4', '--log-file='), 'log-file=-v4 log-file= |');
});

test('-- ends the options, and what follows is counted', () => {
  const parsed = parseArguments(['restore', '--exec-cmd', '--', 'ls', '-l']);
  assert.deepEqual(parsed.operands, ['restore', 'ls', '-l']);
  assert.equal(parsed.afterDashes, 2);
});

test('a lone dash is an operand', () => {
  assert.equal(read('-', 'dump'), '| - dump');
});

test('a long name may be cut where it stays unique, and no- negates', () => {
  assert.equal(read('--leave-r', '--tre', '5'), 'leave-running tree=5 |');
  assert.equal(read('--no-display-st', '--no-restore-d'), 'no-display-stats no-restore-detached |');
  assert.equal(read('--cgroup-props=x'), 'cgroup-props=x |');
});

test("an option that CRIU does not know spoils none of CRIU's abbreviations", () => {
  // --exp could be --explain as well, --sy only --sync.
  assert.equal(read('--exp', '--sy', '--expl'), 'experimental sync explain |');
});

test('what getopt refuses is refused, and says what to do', () => {
  const refusals: [string[], RegExp][] = [
    [['--leave'], /'--leave' is ambiguous\nRemedy: .*--leave-running, --leave-stopped/],
    [['--no-leave-running'], /Unknown option '--no-leave-running'/],
    [['--leave-runing'], /Unknown option '--leave-runing'\nRemedy: did you mean --leave-running\?/],
    [['--frobnicate-all'], /Unknown option '--frobnicate-all'\nRemedy: run 'woodfrog --help'/],
    [['-Z'], /Unknown option '-Z'/],
    [['--=5'], /Unknown option '--'/],
    [['-t'], /Option '-t' needs an argument\nRemedy: write -t PID/],
    [['--tree'], /Option '--tree' needs an argument/],
    [['--leave-running=yes'], /Option '--leave-running' takes no argument/],
    [['--no-display-stats=1'], /Option '--no-display-stats' takes no argument/],
  ];
  for (const [args, expected] of refusals) {
    assert.throws(
      () => parseArguments(args),
      (error) => {
        assert.match(String(error), expected);
        return true;
      },
    );
  }
});

test('editDistance counts single changes', () => {
  assert.equal(editDistance('dump', 'dump'), 0);
  assert.equal(editDistance('dmp', 'dump'), 1);
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('kitten', 'sitting'), 3);
});
