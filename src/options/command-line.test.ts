import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { logFileOf, readCommandLine } from './command-line.js';
import { parseConfig } from './config-file.js';
import { parseArguments } from './parse.js';
import { Settings } from './settings.js';
import type { DumpOptions, RestoreOptions } from './types.js';

const read = (...args: string[]) => readCommandLine([...args, '--no-default-config'], {});
const dump = (...args: string[]) => (read('dump', ...args) as { options: DumpOptions }).options;
const restore = (...args: string[]) =>
  (readCommandLine(['--no-default-config', 'restore', ...args], {}) as { options: RestoreOptions })
    .options;

function refuses(args: string[], expected: RegExp): void {
  assert.throws(
    () => readCommandLine(['--no-default-config', ...args], {}),
    (error) => {
      assert.match(String(error), expected, args.join(' '));
      return true;
    },
  );
}

test('the usual call of a container engine is understood', () => {
  const options = (
    readCommandLine(
      [
        'dump',
        '--no-default-config',
        '--log-file',
        'dump.log',
        '--images-dir',
        '/i',
        '--verbosity=4',
        '-t',
        '7',
      ],
      {},
    ) as { options: DumpOptions }
  ).options;
  assert.deepEqual(options, {
    pid: 7,
    imagesDir: '/i',
    workDir: '/i',
    logFile: '/i/dump.log',
    verbosity: 4,
    logPid: false,
    json: false,
    leaveRunning: false,
    leaveStopped: false,
    timeoutSec: 10,
    sync: false,
    refuseSeccompWindow: false,
    explain: false,
    displayStats: false,
    ghostLimit: 1024 * 1024,
    ghostFiemap: false,
    linkRemap: false,
    fileLocks: false,
    shellJob: false,
    external: [],
    evasiveDevices: false,
    fileValidation: 'buildid',
    cgroups: { roots: [], controllers: [], properties: [] },
  });
});

test('log and pidfile are relative to the work folder, folders to the current one', () => {
  const options = dump('-t1', '-D', 'img', '-W', 'w', '-o', 'x.log', '--pidfile', 'p');
  assert.equal(options.imagesDir, resolve('img'));
  assert.equal(options.logFile, resolve('w/x.log'));
  assert.equal(options.pidfile, resolve('w/p'));
  assert.equal(dump('-t1').imagesDir, resolve('.'));
  assert.equal(dump('-t1', '-o', '/abs.log').logFile, '/abs.log');
  assert.equal(dump('-t1', '-o', '-').logFile, '-');
});

test('the last of two values wins, and -v counts', () => {
  assert.equal(dump('-t1', '-t2').pid, 2);
  assert.equal(dump('-t1').verbosity, 2);
  assert.equal(dump('-t1', '-v').verbosity, 3);
  assert.equal(dump('-t1', '-v', '-v').verbosity, 4);
  assert.equal(dump('-t1', '-vvvvvv').verbosity, 4);
  assert.equal(dump('-t1', '-v4', '--verbosity=1').verbosity, 1);
  assert.equal(dump('-t1', '-verbosity=0').verbosity, 0);
  assert.equal(dump('-t1', '--display-stats', '--no-display-stats').displayStats, false);
});

test('restore takes a command to run only behind --', () => {
  assert.deepEqual(restore('-D', 'x', '--exec-cmd', '--', 'ls', '-l').execCmd, ['ls', '-l']);
  assert.equal(restore('-d').detached, true);
  refuses(['restore', '--exec-cmd'], /'--exec-cmd' has no command to run/);
  refuses(['restore', '--exec-cmd', 'ls'], /Unexpected argument 'ls'\nRemedy: .*behind '--'/);
  refuses(['restore', '--', 'ls'], /Unexpected argument 'ls'/);
  refuses(['restore', 'x', '--exec-cmd', '--', 'ls'], /Unexpected argument 'x'/);
});

test('check knows its features, and list', () => {
  const line = read('check', '--feature', 'timens', '--feature=uffd', '--all');
  assert.ok(line.kind === 'check');
  assert.deepEqual(line.options.features, ['timens', 'uffd']);
  assert.deepEqual(
    [line.options.extra, line.options.experimental, line.options.list],
    [true, true, false],
  );
  const list = read('check', '--feature', 'list');
  assert.ok(list.kind === 'check' && list.options.list);
});

test('wrong values and wishes are usage errors', () => {
  refuses(['dump'], /Cannot dump: Option '--tree' is missing/);
  refuses(['dump', '-t', '0'], /Option '-t' has the value '0'/);
  refuses(['dump', '-t', '-5'], /has the value '-5'/);
  refuses(['dump', '-t', '99999999999'], /a whole number from 1 to 4194304/);
  refuses(['dump', '-t1', '--timeout', '1s'], /'--timeout' has the value '1s'/);
  refuses(['dump', '-t1', '-v5x'], /'-v' has the value '5x'/);
  refuses(['dump', '-t1', '-D', ''], /'-D' has the value ''/);
  refuses(
    ['dump', '-t1', '-R', '-s'],
    /'--leave-running' and '--leave-stopped' exclude each other/,
  );
  refuses(['restore', '-S'], /'--restore-sibling' only works with '--restore-detached'/);
  refuses(['dump', '-t1', '--close', 'x'], /'--close' has the value 'x'/);
  refuses(['dump', '-t1', 'extra'], /Unexpected argument 'extra'/);
  refuses(['dump', '-t1', '--manage-cgroups', 'full'], /write '--manage-cgroups=full'/);
  refuses([], /No command is given/);
  refuses(['dmup'], /Unknown command 'dmup'\nRemedy: did you mean 'dump'\?/);
});

test('a command of CRIU that does not exist yet is refused by name', () => {
  for (const name of ['pre-dump', 'page-server', 'lazy-pages', 'service', 'swrk', 'exec']) {
    refuses([name], new RegExp(`Command '${name}' does not exist in woodfrog yet`));
  }
});

test('commands on images take a folder instead of --images-dir, and coredump letters of its own', () => {
  const show = read('show', '/c');
  assert.ok(show.kind === 'show' && show.options.imagesDir === '/c');
  const dedup = read('dedup', '-D', '/d');
  assert.ok(dedup.kind === 'dedup' && dedup.options.imagesDir === '/d');
  const core = read('coredump', '-D', '/c', '-o', '/tmp/out', '-p', '7');
  assert.ok(core.kind === 'coredump');
  const { imagesDir, out, pid, logFile } = core.options;
  assert.deepEqual([imagesDir, out, pid, logFile], ['/c', '/tmp/out', 7, undefined]);
  refuses(['verify', '/a', '/b'], /Unexpected argument '\/b'/);
  refuses(['dedup', '/a'], /Unexpected argument '\/a'/);
});

test('cpuinfo says what to do, and --cpu-cap with what', () => {
  const line = read('cpuinfo', 'check', '--cpu-cap');
  assert.ok(line.kind === 'cpuinfo');
  assert.deepEqual([line.options.action, line.options.cpuCaps], ['check', ['fpu', 'ins', 'cpu']]);
  assert.deepEqual(restore('--cpu-cap=none').cpuCaps, []);
  assert.equal(dump('-t1').cpuCaps, undefined);
  refuses(['cpuinfo'], /'cpuinfo' says not what to do\nRemedy: write 'cpuinfo dump'/);
  refuses(['cpuinfo', 'show'], /'show' is no action of cpuinfo/);
  refuses(['dump', '-t1', '--cpu-cap=op'], /'--cpu-cap' has the value 'op'/);
});

test('an option whose feature is to come is refused by name, unless it asks for nothing', () => {
  refuses(
    ['dump', '-t1', '--tcp-established'],
    /'--tcp-established' belongs to TCP connections, which woodfrog cannot save yet/,
  );
  refuses(['dump', '-t1', '-x'], /Option '-x' belongs to external unix sockets/);
  refuses(['dump', '-t1', '--network-lock', 'nftables'], /TCP connections/);
  assert.equal(dump('-t1', '--network-lock', 'skip').pid, 1);
  assert.equal(dump('-t1', '--no-tcp-established').pid, 1);
});

test('an option that means nothing to a command is accepted and reported', () => {
  const line = read('check', '--leave-running', '--tcp-close', '--no-shell-job', '-v4');
  assert.ok(line.kind === 'check');
  assert.deepEqual(line.withoutEffect, ['--leave-running', '--tcp-close']);
});

test('the command line wins over a file, and lists add up', () => {
  const settings = new Settings('dump');
  const file = parseConfig('leave-stopped\nverbosity 4\nclose 5\ntimeout 20', 'a.conf', 0);
  const line = parseArguments(['-R', '--close', '6', '-v1']).given;
  for (const option of [...file, ...line]) settings.apply(option);
  settings.exclusive('leave-running', 'leave-stopped');
  assert.equal(settings.flag('leave-running'), true);
  assert.equal(settings.flag('leave-stopped'), false);
  assert.equal(settings.number('verbosity'), 1);
  assert.equal(settings.number('timeout'), 20);
  assert.deepEqual(settings.list('close'), ['5', '6']);
});

test('an option in a file that is refused says where it stands', () => {
  const settings = new Settings('dump');
  const [option] = parseConfig('\ntcp-established', '/etc/x.conf', 0);
  assert.ok(option);
  assert.throws(() => settings.apply(option), /yet \(\/etc\/x\.conf, line 2\)/);
});

test('version and help need no command', () => {
  assert.equal(readCommandLine(['dump', '-V'], {}).kind, 'version');
  assert.deepEqual(readCommandLine(['-h'], {}), { kind: 'help' });
  assert.deepEqual(readCommandLine(['restore', '--help'], {}), {
    kind: 'help',
    command: 'restore',
  });
});

test('the log file is known even when the options are wrong', () => {
  assert.equal(logFileOf(['dump', '--tcp-close', '-o', 'd.log', '-D', '/i']), '/i/d.log');
  assert.equal(logFileOf(['dump', '-o', 'd.log', '-D', '/i', '-W', '/w']), '/w/d.log');
  assert.equal(logFileOf(['dump', '-o', '-']), undefined);
  assert.equal(logFileOf(['dump', '--no-such', '-o', 'x']), undefined);
  assert.equal(logFileOf(['coredump', '-o', 'core', 'a', 'b']), undefined);
});

test('files are validated by build-id, or by size alone, and in no other way', () => {
  assert.equal(dump('-t1').fileValidation, 'buildid');
  assert.equal(dump('-t1', '--file-validation', 'filesize').fileValidation, 'filesize');
  assert.throws(
    () => dump('-t1', '--file-validation=chksm'),
    /'--file-validation' has the value 'chksm'/,
  );
});
