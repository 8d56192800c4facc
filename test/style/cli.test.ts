/** The launchers and the command line as their callers see them: programs that are run. Needs no privileges. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';

const program = resolve('bin/woodfrog');
const folder = mkdtempSync(join(tmpdir(), 'woodfrog-cli-'));
after(() => rmSync(folder, { recursive: true }));

/** A pid that the kernel never gives: PID_MAX_LIMIT itself. */
const NO_PID = '4194304';
const PATH = `${dirname(process.execPath)}${delimiter}/usr/bin${delimiter}/bin`;

interface Call {
  readonly env?: NodeJS.ProcessEnv;
  readonly command?: readonly string[];
}

function run(args: readonly string[], { env = {}, command = [program] }: Call = {}) {
  const [file = program, ...first] = command;
  const { status, signal, stdout, stderr } = spawnSync(file, [...first, ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH, HOME: folder, ...env },
  });
  assert.equal(signal, null, `${args.join(' ')} died by a signal`);
  return { status, stdout, stderr };
}

const VERSION = /^Version: 4\.2\nwoodfrog \d+\.\d+\.\d+\n$/;

test('the version stands first, whatever else is asked, and under the name criu too', () => {
  for (const args of [['--version'], ['-V'], ['dump', '--version', '-t', 'x']]) {
    const { status, stdout, stderr } = run(args);
    assert.equal(status, 0);
    assert.match(stdout, VERSION);
    assert.equal(stderr, '');
  }
  const link = join(folder, 'criu');
  symlinkSync(program, link);
  const second = join(folder, 'second');
  symlinkSync('criu', second);
  for (const name of [link, second]) assert.match(run(['-V'], { command: [name] }).stdout, VERSION);
  const found = run(['-V'], { command: ['criu'], env: { PATH: `${folder}${delimiter}${PATH}` } });
  assert.match(found.stdout, VERSION);
});

test('the launcher works in every shell there is', () => {
  const shells = [
    ['sh'],
    ['dash'],
    ['bash', '--posix'],
    ['bash'],
    ['busybox', 'sh'],
    ['ksh'],
    ['zsh'],
  ];
  const there = shells.filter(([name = '']) =>
    PATH.split(delimiter).some((entry) => existsSync(join(entry, name))),
  );
  assert.ok(there.length >= 1);
  for (const shell of there) {
    assert.match(run(['-V'], { command: [...shell, program] }).stdout, VERSION, shell.join(' '));
  }
});

test('arguments reach the program as they were', () => {
  const { stderr } = run(['dump', '-t', "a 'b' $c\n*"]);
  assert.match(stderr, /Option '-t' has the value 'a 'b' \$c\n\*'/);
});

test('Node options meant for others neither change nor slow the program, and reach its children', () => {
  const env = { NODE_OPTIONS: '--no-such-option', NODE_EXTRA_CA_CERTS: '/nonexistent' };
  const { status, stdout, stderr } = run(['-V'], { env });
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, VERSION);
  // A stand-in for the bundle, found beside a copy of the launcher, prints what it would hand to a child.
  const copy = join(folder, 'copy');
  mkdirSync(join(copy, 'bin'), { recursive: true });
  mkdirSync(join(copy, 'dist'));
  copyFileSync(program, join(copy, 'bin/woodfrog'));
  chmodSync(join(copy, 'bin/woodfrog'), 0o755);
  writeFileSync(
    join(copy, 'dist/woodfrog.cjs'),
    `const names = Object.keys(process.env).filter((name) => /^(NODE|WOODFROG)/.test(name)).sort();
     console.log(JSON.stringify(names.map((name) => [name, process.env[name]])));`,
  );
  const command = [join(copy, 'bin/woodfrog')];
  assert.deepEqual(JSON.parse(run([], { env, command }).stdout), [
    ['NODE_EXTRA_CA_CERTS', '/nonexistent'],
    ['NODE_OPTIONS', '--no-such-option'],
  ]);
  assert.deepEqual(JSON.parse(run([], { env: { NODE_OPTIONS: '' }, command }).stdout), [
    ['NODE_OPTIONS', ''],
  ]);
  assert.deepEqual(JSON.parse(run([], { command }).stdout), []);
});

test('without Node, or without a build, the launcher says what to do', () => {
  const sh = ['/bin/sh', program];
  const none = run(['-V'], { command: sh, env: { PATH: folder } });
  assert.equal(none.status, 1);
  assert.match(
    none.stderr,
    /^Error: Cannot start woodfrog: no Node\.js .*\nRemedy: install Node\.js/,
  );
  const wrong = run(['-V'], { env: { WOODFROG_NODE: '/nonexistent/node' } });
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /no Node\.js at '\/nonexistent\/node'/);
  const named = run(['-V'], {
    command: sh,
    env: { PATH: folder, WOODFROG_NODE: process.execPath },
  });
  assert.match(named.stdout, VERSION);
  const bare = join(folder, 'bare');
  mkdirSync(bare);
  copyFileSync(program, join(bare, 'woodfrog'));
  const unbuilt = run(['-V'], { command: ['/bin/sh', join(bare, 'woodfrog')] });
  assert.equal(unbuilt.status, 1);
  assert.match(unbuilt.stderr, /does not exist\nRemedy: run 'npm run build'/);
});

test('both launchers are the same text', () => {
  assert.equal(readFileSync('bin/crit', 'utf8'), readFileSync('bin/woodfrog', 'utf8'));
});

test('help is printed and is no error; a wrong call is one, and prints a remedy', () => {
  const help = run(['--help']);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /^Usage:\n {2}woodfrog dump -t PID/);
  for (const args of [
    [],
    ['dmup'],
    ['dump'],
    ['dump', '-t', 'x'],
    ['dump', '--no-such'],
    ['restore', '-S'],
  ]) {
    const { status, stdout, stderr } = run(args);
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^Error: .*\nRemedy: .*\n$/, args.join(' '));
  }
});

test('what does not exist yet is refused by name', () => {
  const option = run(['dump', '-t', NO_PID, '--tcp-established']);
  assert.equal(option.status, 1);
  assert.match(option.stderr, /^Error: Option '--tcp-established' belongs to TCP connections/);
  const command = run(['swrk', '3']);
  assert.equal(command.status, 1);
  assert.match(command.stderr, /^Error: Command 'swrk' does not exist in woodfrog yet/);
});

test('errors can be had as JSON', () => {
  const { status, stdout } = run(['dump', '--json']);
  assert.equal(status, 2);
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, 'usage');
  assert.match(error.message, /'--tree' is missing/);
});

test('options are read from configuration files, and mistakes in them told by line', () => {
  const conf = join(folder, 'my.conf');
  writeFileSync(conf, '# all my options\nlog-file "my log"\nverbosity 4\n');
  mkdirSync(join(folder, 'img'));
  const args = ['dump', '-t', NO_PID, '-D', 'img'];
  assert.equal(run([...args, '--config', conf]).status, 1);
  assert.match(readFileSync(join(folder, 'img/my log'), 'utf8'), /Version: 4\.2/);

  mkdirSync(join(folder, '.criu'));
  writeFileSync(join(folder, '.criu/default.conf'), '\ntcp-established\n');
  const { status, stderr } = run(args);
  assert.equal(status, 1);
  assert.match(stderr, /Option '--tcp-established' belongs to .* \(.*default\.conf, line 2\)/);
  assert.doesNotMatch(
    run([...args, '--no-tcp-established', '--no-default-config']).stderr,
    /tcp-established/,
  );
  rmSync(join(folder, '.criu'), { recursive: true });

  const absent = run([...args, '--config', 'absent.conf']);
  assert.equal(absent.status, 1);
  assert.match(absent.stderr, /Cannot read configuration file 'absent\.conf': ENOENT/);
});

test('a failed action leaves a log with its reason, in the work folder, and one sentence on standard error', () => {
  mkdirSync(join(folder, 'images'));
  mkdirSync(join(folder, 'work'));
  const call = ['dump', '-t', NO_PID, '-D', 'images', '-o', 'dump.log', '-v4'];
  for (const [args, log] of [
    [call, 'images/dump.log'],
    [[...call, '-W', 'work'], 'work/dump.log'],
    [[...call, '-W', 'work', '-o', 'refused.log', '--tcp-close'], 'work/refused.log'],
  ] as const) {
    const { status, stdout, stderr } = run(args);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^Error: .+\n/);
    assert.match(readFileSync(join(folder, log), 'utf8'), /Error \(woodfrog\/\w+\): /);
  }
  assert.match(
    readFileSync(join(folder, 'images/dump.log'), 'utf8'),
    /^\(\d\d\.\d{6}\) .*Version: 4\.2[\s\S]*\(\d\d\.\d{6}\) Error \(woodfrog\/dump\): Dumping FAILED\.\n$/,
  );
});

test('verbosity 0 says nothing, in all its spellings', () => {
  mkdirSync(join(folder, 'quiet'));
  for (const quiet of ['-v0', '--verbosity=0', '-verbosity=0']) {
    const { status, stderr } = run(['dump', quiet, '-t', NO_PID, '-D', 'quiet', '-o', 'quiet.log']);
    assert.equal(status, 1);
    assert.equal(stderr, '');
    assert.equal(readFileSync(join(folder, 'quiet/quiet.log'), 'utf8'), '');
  }
});

test('a log that cannot be created fails the action before it begins', () => {
  const { status, stderr } = run(['dump', '-t', NO_PID, '-D', 'absent', '-o', 'dump.log']);
  assert.equal(status, 1);
  assert.match(stderr, /^Error: Cannot create log file '.*absent\/dump\.log': ENOENT\nRemedy: /);
});

test('a log on a full device changes nothing but a warning', () => {
  const { status, stderr } = run(['dump', '-t', NO_PID, '-o', '/dev/full', '-v4']);
  assert.equal(status, 1);
  assert.match(stderr, /^Error: .*\n[\s\S]*Warning: The log is not complete: ENOSPC\n$/);
});

test('a reader that has gone away is no death by signal', () => {
  const script = `"$0" --help | head -c 1; echo " \${PIPESTATUS[0]}"`;
  const { stdout } = run([program], { command: ['bash', '-c', script] });
  assert.match(stdout, /^U (0)$/m);
});

test('an inherited descriptor is closed on request, and none that Node needs', () => {
  mkdirSync(join(folder, 'close'));
  const every = Array.from({ length: 40 }, (_, index) => `--close ${index + 3}`).join(' ');
  const script = `"$0" dump -t ${NO_PID} -D close -o close.log -v4 ${every} 37</dev/zero; echo "= $?"`;
  const { stdout } = run([program], { command: ['bash', '-c', script] });
  assert.match(stdout, /= 1\n$/);
  const log = readFileSync(join(folder, 'close/close.log'), 'utf8');
  assert.match(log, /Descriptor 36 of '--close' is not an inherited one/);
  assert.doesNotMatch(log, /Descriptor 37 /);
  assert.match(log, /Dumping FAILED/);
});
