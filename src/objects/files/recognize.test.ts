import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFdLink } from '../../linux/procfs/fd-link.js';
import { parseFdinfo } from '../../linux/procfs/fdinfo.js';
import type { DescriptionView, FileKind } from '../kinds.js';
import type { FileStat } from '../ports.js';
import { FILE_KINDS } from './index.js';
import { type Recognizable, Recognizer } from './recognize.js';
import { REFUSED_KINDS, refusalOf } from './refusals.js';

const view = (target: string, mode: number, rdev = 0n): DescriptionView => ({
  process: {} as DescriptionView['process'],
  fd: 3,
  target,
  link: parseFdLink(target),
  fdinfo: parseFdinfo('pos:\t0\nflags:\t02\nmnt_id:\t1\n'),
  stat: { mode, rdev } as FileStat,
});

const all = new Recognizer<Recognizable>([...FILE_KINDS, ...REFUSED_KINDS]);
const nameOf = (target: string, mode: number, rdev = 0n) =>
  all.find(view(target, mode, rdev))?.name;

test('what is saved is recognised by type and device number', () => {
  assert.equal(nameOf('/a', 0o100644), 'file');
  assert.equal(nameOf('/a', 0o40755), 'file');
  assert.equal(nameOf('/dev/null', 0o20666, 0x103n), 'file');
  assert.equal(nameOf('/dev/urandom', 0o20666, 0x109n), 'file');
  assert.equal(nameOf('/dev/net/tun', 0o20600, 0xac8n), 'file');
  assert.equal(nameOf('pipe:[12]', 0o10600), 'pipe');
  assert.equal(nameOf('anon_inode:[pidfd]', 0o100700), 'pidfd');
  assert.equal(nameOf('/memfd:x (deleted)', 0o100777), 'memfd');
  assert.equal(nameOf('anon_inode:[fanotify]', 0o600), 'fanotify');
  assert.equal(nameOf('anon_inode:inotify', 0o600), 'inotify');
  assert.equal(nameOf('/fifo', 0o10600), 'FIFO');
  assert.equal(nameOf('/dev/pts/3', 0o20620, 0x8803n), 'terminal');
  assert.equal(nameOf('/dev/tty', 0o20666, 0x500n), 'terminal');
  assert.equal(nameOf('/dev/ptmx', 0o20666, 0x502n), 'terminal');
  assert.equal(nameOf('/dev/ttyS0', 0o20666, 0x440n), 'terminal');
});

test('what is refused is recognised by what the kernel calls it', () => {
  assert.equal(nameOf('socket:[7]', 0o140777), 'socket');
  assert.equal(nameOf('net:[4026531833]', 0o100444), 'namespace file');
  assert.equal(nameOf('/dev/kmsg', 0o20644, 0x10bn), 'character device');
  assert.equal(nameOf('/dev/vda', 0o60660, 0xfe00n), 'block device');
  assert.equal(nameOf('anon_inode:[of-the-future]', 0o600), undefined);
});

test('a refusal says what the thing is and what to do', () => {
  const kmsg = view('/dev/kmsg', 0o20644, 0x10bn);
  const device = refusalOf(
    REFUSED_KINDS.find(({ name }) => name === 'character device'),
    kmsg,
  );
  assert.match(device.message, /character device 1:11/);
  const unknown = refusalOf(undefined, view('anon_inode:[of-the-future]', 0o600));
  assert.match(unknown.message, /anon_inode:\[of-the-future\]/);
});

test('two claims on one thing fail at once', () => {
  const twin = { name: 'twin', recognize: [{ pseudo: 'pipe' }] } as unknown as FileKind;
  assert.throws(() => new Recognizer([...FILE_KINDS, twin]), /'twin' and 'pipe' both claim/);
});
