import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFdinfo } from './fdinfo.js';

// All but the last but one from Linux 6.18.
const EVENTFD =
  'pos:\t0\nflags:\t04002\nmnt_id:\t17\nino:\t1038\neventfd-count: ffffffffffffffff\n' +
  'eventfd-id: 1\neventfd-semaphore: 1\n';
const EPOLL =
  'pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1038\n' +
  'tfd:        3 events:       19 data:                3  pos:0 ino:40e sdev:10\n' +
  'tfd:        5 events: 80000019 data: ffffffffffffffff  pos:0 ino:66f2 sdev:f\n';
const INOTIFY =
  'pos:\t0\nflags:\t00\nmnt_id:\t17\nino:\t1038\n' +
  'inotify wd:1 ino:3f7e8 sdev:fe00000 mask:102 ignored_mask:0 ' +
  'fhandle-bytes:8 fhandle-type:1 f_handle:e8f7030000000000\n';
const TIMERFD =
  'pos:\t0\nflags:\t02\nmnt_id:\t17\nino:\t1038\nclockid: 1\nticks: 0\nsettime flags: 00\n' +
  'it_value: (99, 999932790)\nit_interval: (1, 0)\n';
const PIDFD = 'pos:\t0\nflags:\t02000002\nmnt_id:\t4\nino:\t8110\nPid:\t-1\nNSpid:\t8109\t4\n';
const LOCKED =
  'pos:\t4096\nflags:\t02100001\nmnt_id:\t27\nino:\t2149651\n' +
  'lock:\t1: FLOCK  ADVISORY  WRITE 8109 fe:00:2149651 0 EOF\n' +
  'lock:\t2: POSIX  ADVISORY  READ 8109 fe:00:2149651 5 14\n';
const SOCKET = 'pos:\t0\nflags:\t02000002\nmnt_id:\t10\nino:\t33601\nscm_fds: 2\n';
const LINUX_5_4 = 'pos:\t12\nflags:\t0100000\nmnt_id:\t28\n';

test('what every description has', () => {
  const { pos, flags, mnt_id, ino, scm_fds } = parseFdinfo(LOCKED);
  assert.deepEqual(
    { pos, flags, mnt_id, ino, scm_fds },
    { pos: 4096n, flags: 0o2100001, mnt_id: 27, ino: 2149651n, scm_fds: undefined },
  );
  assert.equal(parseFdinfo(SOCKET).scm_fds, 2);
});

test('Linux 5.4 shows no inode number', () => {
  const { pos, flags, ino, scm_fds } = parseFdinfo(LINUX_5_4);
  assert.deepEqual(
    { pos, flags, ino, scm_fds },
    { pos: 12n, flags: 0o100000, ino: undefined, scm_fds: undefined },
  );
});

test('an eventfd: 64-bit counter and flag', () => {
  const fdinfo = parseFdinfo(EVENTFD);
  assert.equal(fdinfo.hex64('eventfd-count'), 2n ** 64n - 1n);
  assert.equal(fdinfo.flag('eventfd-semaphore'), true);
  assert.equal(fdinfo.flag('eventfd-semaphor'), undefined);
  assert.equal(fdinfo.has('count'), false);
});

test('an epoll: a record for each target', () => {
  const [first, second, ...more] = parseFdinfo(EPOLL).records('tfd');
  assert.ok(first && second);
  assert.equal(more.length, 0);
  assert.equal(first.dec('tfd'), 3);
  assert.equal(first.hex('events'), 0x19);
  assert.equal(first.hex64('ino'), 0x40en);
  assert.equal(second.hex('events'), 0x80000019);
  assert.equal(second.hex64('data'), 2n ** 64n - 1n);
  assert.equal(second.hex('sdev'), 0xf);
});

test('an inotify: the name of the line is two words', () => {
  const [mark] = parseFdinfo(INOTIFY).records('inotify wd');
  assert.equal(mark?.dec('wd'), 1);
  assert.equal(mark?.hex('mask'), 0x102);
  assert.equal(mark?.text('f_handle'), 'e8f7030000000000');
  assert.equal(mark?.has('inotify'), false);
});

test('a timerfd: texts as they are', () => {
  const fdinfo = parseFdinfo(TIMERFD);
  assert.equal(fdinfo.dec('clockid'), 1);
  assert.equal(fdinfo.oct('settime flags'), 0);
  assert.equal(fdinfo.text('it_value'), '(99, 999932790)');
});

test('a pidfd: a negative number, a list', () => {
  const fdinfo = parseFdinfo(PIDFD);
  assert.equal(fdinfo.dec('Pid'), -1);
  assert.equal(fdinfo.text('NSpid'), '8109\t4');
});

test('all lines of one name', () => {
  assert.deepEqual(parseFdinfo(LOCKED).all('lock'), [
    '1: FLOCK  ADVISORY  WRITE 8109 fe:00:2149651 0 EOF',
    '2: POSIX  ADVISORY  READ 8109 fe:00:2149651 5 14',
  ]);
  assert.deepEqual(parseFdinfo(SOCKET).all('lock'), []);
});

test('a line that must be there, and is not or is no number, is refused by name', () => {
  assert.throws(() => parseFdinfo(SOCKET).hex64('eventfd-count'), /fdinfo has no "eventfd-count"/);
  assert.throws(() => parseFdinfo('flags:\t0\nmnt_id:\t1\n'), /has no "pos"/);
  assert.throws(() => parseFdinfo(TIMERFD).dec('it_value'), /it_value: \(99/);
  assert.throws(() => parseFdinfo(PIDFD).dec('NSpid'), /NSpid: 8109/);
  assert.throws(() => parseFdinfo(EVENTFD.replace('04002', '0409')), /flags:\\t0409/);
  assert.throws(() =>
    parseFdinfo(EVENTFD.replace('semaphore: 1', 'semaphore: 3')).flag('eventfd-semaphore'),
  );
  assert.throws(() => parseFdinfo('pos:\t\nflags:\t0\nmnt_id:\t1\n'), /pos:/);
});
