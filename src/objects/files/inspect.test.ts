import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureImages } from '../../../test/support/golden-images.js';
import type { ProcessView } from '../../checkpoint/views.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { contentOf } from '../../images/store.js';
import { parseFdLink } from '../../linux/procfs/fd-link.js';
import { parseFdinfo } from '../../linux/procfs/fdinfo.js';
import { utf8 } from '../../support/bytes.js';
import { type CheckpointError, unsupported } from '../../support/errors.js';
import type { FileKind, NamedFile } from '../kinds.js';
import { DEFAULT_OBJECT_OPTIONS } from '../options.js';
import type { FileStat } from '../ports.js';
import { fifo } from './fifo.js';
import { addFiles, inspectFiles } from './inspect.js';
import { parseHeldLocks } from './locks.js';
import type { FilesObservation, ObservedDescription, ProcessFiles } from './observe.js';
import type { FownEntry } from './owner.js';
import { pipe } from './pipe.js';
import { FileRegistry, mappedKey } from './registry.js';
import { regularFile } from './regular.js';

let inode = 100n;
const stat = (mode: number, more: Partial<FileStat> = {}): FileStat => ({
  ...{ dev: 0xfd00n, ino: inode++, nlink: 1n, mode, uid: 0, gid: 0, rdev: 0n, size: 0 },
  ...more,
});
const directory = (name: string): NamedFile => ({ name, stat: stat(0o40755, { size: 4096 }) });
const nullDevice = stat(0o20666, { rdev: 0x103n });

const processView = (pid: number, comm = 'program', umask = 0o22): ProcessView =>
  ({ pid, vpid: pid, comm, state: 'alive', status: { Umask: umask } }) as unknown as ProcessView;

interface Opened {
  target: string;
  flags: string;
  pos?: number;
  stat: FileStat;
  kind?: FileKind;
  seen?: unknown;
  owner?: FownEntry;
  locks?: string[];
  obstacle?: CheckpointError;
}

function opened({ target, flags, pos = 0, locks = [], ...more }: Opened): ObservedDescription {
  const link = parseFdLink(target);
  const lines = locks.map((lock) => `lock:\t${lock}\n`).join('');
  const fdinfo = parseFdinfo(`pos:\t${pos}\nflags:\t${flags}\nmnt_id:\t28\nino:\t1\n${lines}`);
  const view = { process: processView(1), fd: 0, target, link, fdinfo, stat: more.stat };
  const named = link.kind === 'path' ? { named: { name: link.path, stat: more.stat } } : {};
  return {
    view: { ...view, ...named },
    kind: more.kind ?? regularFile,
    obstacle: more.obstacle,
    seen: more.seen,
    owner: more.owner,
  };
}

function processFiles(
  pid: number,
  id: number,
  { exe, cwd, table }: { exe: NamedFile; cwd: string; table: [number, ObservedDescription][] },
): ProcessFiles {
  return {
    process: processView(pid),
    ids: { vm_id: id, files_id: id, fs_id: id, sighand_id: id },
    table: table.map(([fd, description]) => ({
      ...{ fd, cloexec: false, description },
      locks: parseHeldLocks(description.view.fdinfo.all('lock')),
    })),
    exe,
    cwd: directory(cwd),
    root: directory('/'),
  };
}

const standardStreams = (): [ObservedDescription, ObservedDescription] => [
  opened({ target: '/dev/null', flags: '0100000', stat: nullDevice }),
  opened({ target: '/dev/null', flags: '0100001', stat: nullDevice }),
];

function imagesOf(observation: FilesObservation): ImageSet {
  const images = new ImageSet();
  addFiles(images, inspectFiles(observation));
  return images;
}

test('a loop gets the entries that CRIU gave it, field by field', () => {
  const [input, output] = standardStreams();
  const exe: NamedFile = {
    name: '/tmp/golden-run/loop/loop',
    stat: stat(0o100755, { size: 682696 }),
  };
  const buildId = [2404463320, 338111550, 1520303498, 2475358663, 3024159445];
  const images = imagesOf({
    processes: [
      processFiles(11021, 2, {
        exe,
        cwd: '/tmp/golden-run/loop',
        table: [
          [0, input],
          [1, output],
          [2, output],
        ],
      }),
    ],
    descriptions: [input, output],
    mapped: new Map([['its text', { ...exe, buildId }]]),
  });
  const expected = fixtureImages('loop');
  assert.deepEqual(images.many(IMAGES.FILES), expected.many(IMAGES.FILES));
  assert.deepEqual(images.many(IMAGES.FDINFO, 2), expected.many(IMAGES.FDINFO, 2));
  assert.deepEqual(images.require(IMAGES.FS, 11021), expected.require(IMAGES.FS, 11021));
});

test('a tree that shares a pipe with data in it gets the entries that CRIU gave it', () => {
  const [input, output] = standardStreams();
  const content = contentOf(utf8('queued in the pipe'));
  const end = (flags: string) =>
    opened({
      target: 'pipe:[6129767]',
      flags,
      stat: stat(0o10600),
      kind: pipe,
      seen: { size: 65536, content, packets: [] },
    });
  const [read, write] = [end('00'), end('01')];
  const exe: NamedFile = {
    name: '/tmp/golden-run/tasks/tasks',
    stat: stat(0o100755, { size: 772872 }),
    buildId: [2936180400, 1946934821, 3079399043, 1238500882, 79594806],
  };
  const one = (pid: number, id: number) =>
    processFiles(pid, id, {
      exe,
      cwd: '/tmp/golden-run/tasks',
      table: [
        [0, input],
        [1, output],
        [2, output],
        [3, read],
        [4, write],
      ],
    });
  const images = imagesOf({
    processes: [one(11073, 2), one(11075, 3), one(11079, 4)],
    descriptions: [input, output, read, write],
    mapped: new Map(),
  });
  const expected = fixtureImages('tasks');
  assert.deepEqual(images.many(IMAGES.FILES), expected.many(IMAGES.FILES));
  assert.deepEqual(images.many(IMAGES.FDINFO, 2), expected.many(IMAGES.FDINFO, 2));
  assert.deepEqual(images.many(IMAGES.FDINFO, 4), images.many(IMAGES.FDINFO, 2));
  assert.deepEqual(images.require(IMAGES.FS, 11073), expected.require(IMAGES.FS, 11073));
  assert.deepEqual(images.many(IMAGES.PIPES_DATA), expected.many(IMAGES.PIPES_DATA));
  const [queue] = images.entries(IMAGES.PIPES_DATA);
  assert.equal(queue?.payload?.blocks.extra, content);
});

test('a FIFO gets an entry of its own and one for its file, as CRIU writes them', () => {
  const expected = fixtureImages('files');
  const file = expected.many(IMAGES.FILES).find(({ fifo: entry }) => entry !== undefined);
  const description = opened({
    target: '/tmp/golden-run/files/fifo',
    flags: '0104002',
    stat: stat(0o10600, { ino: 2162991n }),
    kind: fifo,
    seen: { size: 65536, content: contentOf(utf8('queued in the fifo')), packets: [] },
  });
  const registry = new FileRegistry();
  for (let id = 1; id < 10; id++) registry.newFileId();
  const entry = fifo.inspect({
    id: registry.newFileId(),
    description: description.view,
    seen: description.seen,
    ids: registry,
  });
  assert.deepEqual(entry.entry, file?.fifo);
  assert.deepEqual(
    registry.entries,
    expected.many(IMAGES.FILES).filter(({ id }) => id === file?.fifo?.regf_id),
  );
  assert.deepEqual(
    entry.resources?.map(({ value }) => value),
    expected.many(IMAGES.FIFO_DATA),
  );
});

test('flags and positions are kept, close-on-exec belongs to the descriptor', () => {
  const file = opened({
    target: '/data/log',
    flags: '02102001',
    pos: 12,
    stat: stat(0o100640, { size: 12 }),
  });
  const folder = opened({ target: '/data', flags: '0300000', stat: stat(0o40755) });
  // ext4 says this at the end of a directory: it is no number of JavaScript's.
  folder.view.fdinfo = parseFdinfo('pos:\t9223372036854775807\nflags:\t0300000\nmnt_id:\t28\n');
  const process = processFiles(7, 2, {
    exe: directory('/bin/x'),
    cwd: '/',
    table: [
      [3, file],
      [9, file],
      [4, folder],
    ],
  });
  (process.table[1] as { cloexec: boolean }).cloexec = true;
  const { processes, registry } = inspectFiles({
    processes: [process],
    descriptions: [],
    mapped: new Map(),
  });
  const regs = registry.entries.map(({ reg }) => reg);
  // No size: it is only appended to, and may have grown by the time of the restore.
  assert.deepEqual(regs[1], {
    ...{ id: 2, flags: 0o102001, pos: 12n, name: '/data/log', mode: 0o100640 },
    ...{ fown: regs[1]?.fown, build_id: [] },
  });
  assert.equal(regs[2]?.pos, 0x7fff_ffff_ffff_ffffn);
  assert.deepEqual(processes[0]?.fdinfo, [
    { id: 2, flags: 0, type: 1, fd: 3 },
    { id: 2, flags: 1, type: 1, fd: 9 },
    { id: 3, flags: 0, type: 1, fd: 4 },
  ]);
});

test('pipes whose inode numbers do not fit, or collide, get ids of their own', () => {
  const registry = new FileRegistry();
  assert.equal(registry.pipeId('a', 77n), 77);
  assert.equal(registry.pipeId('b', 77n), 0xffff_ffff);
  assert.equal(registry.pipeId('c', 1n << 40n), 0xffff_fffe);
  assert.equal(registry.pipeId('b', 77n), 0xffff_ffff);
});

test('mappings, executables and each other share the entry of a file; other names do not', () => {
  const lib: NamedFile = { name: '/lib/a.so', stat: stat(0o100755, { size: 10 }) };
  const mapping = {
    ...{ start: 0, end: 4096, prot: 1, shared: false, pgoff: 0, major: 254, minor: 0 },
    ...{ inode: lib.stat.ino, name: lib.name, label: undefined, path: lib.name, deleted: false },
  };
  const registry = new FileRegistry(new Map([[mappedKey(mapping), lib]]));
  const id = registry.mapped(mapping);
  assert.equal(registry.mapped({ ...mapping, start: 8192, pgoff: 4096 }), id);
  assert.equal(registry.path(lib), id);
  assert.notEqual(registry.path({ ...lib, name: '/lib/b.so' }), id);
  assert.throws(() => registry.mapped({ ...mapping, path: '/lib/c.so', name: '/lib/c.so' }), {
    code: 'unsupported',
  });
});

test('everything that cannot be saved is named, with task, descriptor and remedy', () => {
  const obstacle = unsupported("'/tmp/x' is deleted", { remedy: 'keep it' });
  const bad = opened({ target: '/tmp/x (deleted)', flags: '02', stat: stat(0o100600), obstacle });
  const first = processFiles(5, 2, {
    exe: directory('/bin/x'),
    cwd: '/',
    table: [
      [3, bad],
      [4, bad],
    ],
  });
  first.cwd.obstacle = obstacle;
  const second = processFiles(6, 3, { exe: directory('/bin/x'), cwd: '/', table: [] });
  second.exe.obstacle = obstacle;
  const observation = { processes: [first, second], descriptions: [bad], mapped: new Map() };
  const errors: string[] = [];
  inspectFiles(observation, { refuse: (error) => errors.push(String(error)) });
  assert.deepEqual(errors, [
    "Cannot handle file 3 of pid 5 (program): '/tmp/x' is deleted\nRemedy: keep it",
    "Cannot handle working directory (cwd) of pid 5 (program): '/tmp/x' is deleted\nRemedy: keep it",
    "Cannot handle executable of pid 6 (program): '/tmp/x' is deleted\nRemedy: keep it",
  ]);
  assert.throws(() => inspectFiles(observation), /file 3 of pid 5/);
});

test('locks and owners: each lock once per table or description, owners by the pids of the tree', () => {
  const flock = '1: FLOCK  ADVISORY  WRITE 1 fe:00:2149652 0 EOF';
  const posix = '2: POSIX  ADVISORY  READ 1 fe:00:2149652 10 19';
  const file = opened({
    ...{ target: '/d/file', flags: '0100002', locks: [flock, posix] },
    ...{ stat: stat(0o100600), owner: { uid: 0, euid: 7, signum: 10, pid_type: 1, pid: 1 } },
  });
  const outsider = opened({
    ...{ target: '/d/other', flags: '0100002', stat: stat(0o100600) },
    owner: { uid: 0, euid: 0, signum: 0, pid_type: 1, pid: 99 },
  });
  const process = (pid: number, table: [number, ObservedDescription][]): ProcessFiles => {
    const made = processFiles(pid, pid, { exe: directory('/exe'), cwd: '/', table });
    const view = { ...made.process, vpid: pid + 100, vpgid: 101, threads: [], stat: { pgrp: 1 } };
    return { ...made, process: view as unknown as ProcessView };
  };
  const observation = {
    processes: [
      process(1, [
        [3, file],
        [4, file],
        [5, outsider],
      ]),
      process(2, [[3, file]]),
    ],
    descriptions: [file, outsider],
    mapped: new Map(),
  };
  const refused: string[] = [];
  const refuse = ({ message }: CheckpointError): void => void refused.push(message);
  const options = { ...DEFAULT_OBJECT_OPTIONS, fileLocks: true };
  const { locks, registry } = inspectFiles(observation, { options, refuse });
  assert.deepEqual(
    locks.map(({ flag, type, pid, fd, start, len }) => [flag, type, pid, fd, start, len]),
    [
      [2, 1, 101, 3, 0n, 0n],
      [1, 0, 101, 3, 10n, 10n],
      [1, 0, 102, 3, 10n, 10n],
    ],
  );
  const entry = registry.entries.find(({ reg }) => reg?.name === '/d/file');
  assert.deepEqual(entry?.reg?.fown, { uid: 0, euid: 7, signum: 10, pid_type: 1, pid: 101 });
  assert.match(refused.join(), /its owner \(F_SETOWN\) is process 99, which is outside the tree/);
  assert.equal(refused.length, 1);
  inspectFiles(observation, { refuse });
  assert.match(refused.slice(1).join(), /file lock \(flock\(2\) WRITE\): --file-locks is needed/);
});
