import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { parseMountinfo } from '../../linux/procfs/mountinfo.js';
import { DEFAULT_OBJECT_OPTIONS } from '../options.js';
import { fanotify } from './fanotify.js';
import { noOwner } from './registry.js';

// What Linux 6.18 shows, and what CRIU 4.2 made of it.
const LINES = `fanotify flags:3 event-flags:8000
fanotify ino:252020 sdev:fe00000 mflags:0 mask:48000020 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:2020250093d68e0d
fanotify mnt_id:1e mflags:0 mask:8 ignored_mask:0
fanotify ino:24c067 sdev:fe00000 mflags:40 mask:a ignored_mask:20 fhandle-bytes:8 fhandle-type:1 f_handle:67c0240047bdf956
`;
const MOUNTS = parseMountinfo(
  `25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw
30 25 0:27 / /dev/shm rw,relatime - tmpfs tmpfs rw
`,
);
const handle = (word: bigint): bigint[] => [word, ...new Array<bigint>(15).fill(0n)];
const DIRECTORY = {
  ...{ id: 0, type: 1, mflags: 0, mask: 0x48000020, ignored_mask: 0, s_dev: 0xfe00000 },
  ie: {
    i_ino: 2433056n,
    f_handle: { bytes: 8, type: 1, handle: handle(976954096036945952n), path: '/tmp/nt/d' },
  },
};
const MOUNT = {
  ...{ id: 0, type: 2, mflags: 0, mask: 8, ignored_mask: 0, s_dev: 27 },
  me: { mnt_id: 30, path: '/dev/shm' },
};
const FILE = {
  ...{ id: 0, type: 1, mflags: 0x40, mask: 0xa, ignored_mask: 0x20, s_dev: 0xfe00000 },
  ie: {
    i_ino: 2408551n,
    f_handle: { bytes: 8, type: 1, handle: handle(6267248469105492071n), path: '/tmp/nt/w1' },
  },
};
const ENTRY = { id: 7, flags: 0x802, fown: noOwner(), faflags: 3, evflags: 0x8000 };

function inspected(lines: string, unreadBytes = 0): object {
  const description = descriptionOf('anon_inode:[fanotify]', { flags: '02004002', lines });
  const files = description.fdinfo.records('fanotify ino').map((line, i) => ({
    file: {
      ...{ sdev: line.hex('sdev'), ino: line.hex64('ino'), handleType: 1 },
      handle: new Uint8Array(Buffer.from(line.text('f_handle'), 'hex')),
    },
    found: { path: i === 0 ? '/tmp/nt/d' : '/tmp/nt/w1' },
  }));
  const seen = new Map([[description, { unreadBytes, files, mounts: MOUNTS }]]);
  return entryOf(fanotify, { description, seen }) as object;
}

test('marks get the entries that CRIU gave them, field by field', () => {
  assert.deepEqual(inspected(LINES), { ...ENTRY, mark: [DIRECTORY, MOUNT, FILE] });
});

test('a mark of a file system is one of a mount, and says so', () => {
  const lines =
    'fanotify flags:c10 event-flags:8000\n' +
    'fanotify sdev:1b mflags:0 mask:8000100 ignored_mask:0\n';
  const mark = { ...MOUNT, mask: 0x8000100, filesystem: true };
  assert.deepEqual(inspected(lines), { ...ENTRY, faflags: 0xc10, mark: [mark] });
});

test('what cannot come back is refused by name', () => {
  assert.throws(() => inspected(LINES, 24), /24 bytes of events that have not been read/);
  assert.throws(() => inspected(LINES.replace('mask:a', 'mask:10000')), /asked for permission/);
  assert.throws(() => inspected(LINES.replace('mnt_id:1e', 'mnt_id:19')), /mount 25, to which no/);
  assert.throws(() => inspected(LINES.replace('mnt_id', 'mnt_ns')), /mount namespace/);
});

test('marks come last first, what they ignore after what they tell', () => {
  const wide = { ...MOUNT, filesystem: true };
  const ignoring = { ...FILE, mask: 0, mflags: 0x640 };
  const entry = { ...ENTRY, mark: [DIRECTORY, MOUNT, wide, ignoring, FILE] };
  const at = 'AT_FDCWD, "/tmp/nt';
  const don = 'FAN_MARK_ADD|FAN_MARK_DONT_FOLLOW';
  const surv = 'FAN_MARK_IGNORED_SURV_MODIFY';
  assert.deepEqual(
    stepsOf(fanotify, entry).filter((step) => !/F_DUPFD|close/.test(step)),
    [
      'make: fanotify_init(0x3, 0x8000) = 0',
      'make: fcntl(41, F_SETFL, 0x800)',
      `task state: fanotify_mark(41, ${don}, 0xa, ${at}/w1")`,
      `task state: fanotify_mark(41, ${don}|FAN_MARK_IGNORED_MASK|${surv}, 0x20, ${at}/w1")`,
      `task state: fanotify_mark(41, ${don}|${surv}|FAN_MARK_EVICTABLE|FAN_MARK_IGNORE, 0x20, ${at}/w1")`,
      `task state: fanotify_mark(41, ${don}|FAN_MARK_FILESYSTEM, 0x8, AT_FDCWD, "/dev/shm")`,
      `task state: fanotify_mark(41, ${don}|FAN_MARK_MOUNT, 0x8, AT_FDCWD, "/dev/shm")`,
      `task state: fanotify_mark(41, ${don}, 0x48000020, ${at}/d")`,
    ],
  );
});

test('a restore names the marked files that are missing', () => {
  const port = { attemptStat: (path: string) => (path === '/dev/shm' ? {} : -2) } as never;
  const missing = ["'/tmp/nt/d' is missing (ENOENT)"];
  const entry = { ...ENTRY, mark: [DIRECTORY, MOUNT] };
  assert.deepEqual(fanotify.survey?.(entry, port, DEFAULT_OBJECT_OPTIONS), missing);
});
