import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withParent } from '../../../test/support/chain.js';
import { fixtureImages } from '../../../test/support/golden-images.js';
import { memoryStore } from '../../../test/support/memory-store.js';
import { ownerOfAll } from '../../../test/support/task-states.js';
import { fakeTerminals } from '../../../test/support/terminals.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import { remap_type } from '../../images/messages/remap-file-path.js';
import { RLIMIT_NOFILE } from '../../linux/resource.js';
import { printCall } from '../../linux/syscall.js';
import { rlimit64 } from '../../linux/uapi/sched.js';
import { Plan } from '../../plan/plan.js';
import { STAGES, type Stage } from '../../plan/stages.js';
import type { Layout, Step, Track } from '../../plan/track.js';
import { DEFAULT_OBJECT_OPTIONS } from '../options.js';
import type { FileStat, KernelPort } from '../ports.js';
import type { ProcessRebuild, RebuildInputs } from '../rebuild-context.js';
import { directories } from './directories.js';
import { rebuildFiles } from './rebuild.js';
import { type FileEntry, noOwner } from './registry.js';
import { Terminals } from './tty/terminals.js';

const CONTROL_FD = 40;

/** A host on which these files are, and nothing else. */
function port(files: Record<string, { mode: number; size?: number }>): KernelPort {
  const stat = (path: string): FileStat | number => {
    const found = files[path];
    if (!found) return -2;
    const { mode, size = 0 } = found;
    const rdev = path === '/dev/null' ? 0x103n : 0n;
    return { dev: 1n, ino: 1n, nlink: 1n, mode, uid: 0, gid: 0, rdev, size };
  };
  const scope = () => ({
    alloc: (length: number) => ({ address: 0, length, bytes: new Uint8Array(length) }),
    [Symbol.dispose]: () => {},
  });
  return {
    attemptStat: stat,
    readText: () => '1048576\n',
    scope,
    call: (
      call: { name: string },
      { resource, old_limit }: { resource: number; old_limit: { bytes: Uint8Array } },
    ) => {
      assert.deepEqual([call.name, resource], ['prlimit64', RLIMIT_NOFILE]);
      const limits = rlimit64.encode({ rlim_cur: 1024n, rlim_max: 4096n });
      old_limit.bytes.set(limits);
      return 0;
    },
    attempt: () => -2,
  } as unknown as KernelPort;
}

interface Setup {
  context: RebuildInputs;
  processes: ProcessRebuild[];
}

function setup(images: ImageSet, vpids: number[], host: KernelPort): Setup {
  const plan: RebuildInputs['plan'] = new Plan(0x1_0000_0000);
  const processes = vpids.map((vpid, i): ProcessRebuild => {
    const mm = { vmas: [] };
    const init = { name: `pid ${vpid}`, vpid, process: vpid, temporaryFds: CONTROL_FD + 1 };
    const { track } = plan.track(init);
    const ids = { vm_id: i + 2, files_id: i + 2, fs_id: i + 2, sighand_id: i + 2 };
    const process = {
      ...{ vpid, comm: 'program', ids, mm, track, threads: [] },
    } as unknown as ProcessRebuild;
    process.owner = ownerOfAll(process);
    return process;
  });
  const context: RebuildInputs = {
    ...{
      images,
      plan,
      processes,
      port: host,
      controlFd: CONTROL_FD,
      store: withParent(memoryStore()),
    },
    puppetMappings: [],
    options: DEFAULT_OBJECT_OPTIONS,
    hostImageFd: () => 60,
    hostEndedPidfds: () => [61],
    inherited: new Map(),
    terminals: new Terminals({
      ...{ images, host: fakeTerminals(), shellJob: false, inherited: new Map() },
    }),
    outside: undefined,
    hostGoneFile: () => 62,
  };
  return { context, processes };
}

const layout: Layout = { startOf: () => 0, resultOf: () => 0 };
const printStep = ({ call, args, mustEqual }: Step): string => {
  const shown = printCall(call, typeof args === 'function' ? args(layout) : args);
  return mustEqual === undefined ? shown : `${shown} = ${mustEqual}`;
};

/** The steps of a track, by stage, as --explain would order them. */
function stepsOf({ steps }: Track): Partial<Record<Stage, string[]>> {
  return Object.fromEntries(
    STAGES.map((stage) => [
      stage,
      steps.filter((step) => step.stage === stage).map(printStep),
    ]).filter(([, lines]) => (lines as string[]).length > 0),
  );
}

const NULL = { mode: 0o20666 };
const DIRECTORY = { mode: 0o40755 };
const BEGIN = [
  'prlimit64(0, 7, {"rlim_cur":"0x1000","rlim_max":"0x1000"}, NULL)',
  'close_range(0, 39, 0x0)',
  'close_range(41, 4294967295, 0x0)',
];
/** A call that gives descriptor 0, moved to `fd`. */
const kept = (call: string, fd: number): string[] => [
  `${call} = 0`,
  `fcntl(0, F_DUPFD_CLOEXEC, 0x${fd.toString(16)}) = ${fd}`,
  'close(0)',
];

test("CRIU's loop: the streams are opened, put in their places, and the temporary numbers closed", () => {
  const images = fixtureImages('loop');
  const host = port({
    '/dev/null': NULL,
    '/': DIRECTORY,
    '/tmp/golden-run/loop': DIRECTORY,
    '/tmp/golden-run/loop/loop': { mode: 0o100755, size: 682696 },
  });
  const { context, processes } = setup(images, [11021], host);
  const files = rebuildFiles(context);
  const [process] = processes as [ProcessRebuild];
  const thread = { process } as Parameters<NonNullable<typeof directories.rebuild>>[0];
  directories.rebuild?.(thread, { ...context, files });
  files.finish();
  assert.deepEqual(stepsOf(process.track), {
    make: [
      ...BEGIN,
      ...kept('openat(AT_FDCWD, "/dev/null", O_NOCTTY|O_LARGEFILE|O_CLOEXEC, 00)', 41),
      ...kept('openat(AT_FDCWD, "/dev/null", O_WRONLY|O_NOCTTY|O_LARGEFILE|O_CLOEXEC, 00)', 42),
      ...kept(
        'openat(AT_FDCWD, "/tmp/golden-run/loop", O_NOCTTY|O_DIRECTORY|O_CLOEXEC|O_PATH, 00)',
        43,
      ),
    ],
    descriptors: ['dup3(41, 0, 0x0) = 0', 'dup3(42, 1, 0x0) = 1', 'dup3(42, 2, 0x0) = 2'],
    'task state': ['fchdir(43)', 'umask(022)', 'close_range(40, 43, 0x0)'],
  });
});

const reg = (
  id: number,
  name: string,
  more: Partial<NonNullable<FileEntry['reg']>> = {},
): FileEntry => ({
  type: fd_types.REG,
  id,
  reg: { id, flags: 0, pos: 0n, fown: noOwner(), name, build_id: [], ...more },
});
const pipeEnd = (id: number, pipe_id: number, flags: number): FileEntry => ({
  type: fd_types.PIPE,
  id,
  pipe: { id, pipe_id, flags, fown: noOwner() },
});

function imagesOf(entries: FileEntry[], ...tables: [fd: number, id: number, flags?: number][][]) {
  const images = new ImageSet();
  for (const entry of entries) images.add(IMAGES.FILES, entry);
  tables.forEach((table, i) => {
    for (const [fd, id, flags = 0] of table) {
      const type = entries.find((entry) => entry.id === id)?.type ?? 0;
      images.add(IMAGES.FDINFO, i + 2, { id, flags, type, fd });
    }
  });
  return images;
}

test('a pipe between two processes is made by the first, filled, and its other end taken', () => {
  const images = imagesOf([pipeEnd(1, 9, 0o4000), pipeEnd(2, 9, 1)], [[3, 1]], [[7, 2, 1]]);
  const value = { pipe_id: 9, bytes: 70_000, size: 131072, packet_offsets: [], packet_lengths: [] };
  const extra = { file: 'pipes-data.img', offset: 20, length: 70_000 };
  images.addWith(IMAGES.PIPES_DATA, {
    value,
    payload: { blocks: { extra: extra as never }, records: [] },
  });
  const { context, processes } = setup(images, [10, 11], port({}));
  rebuildFiles(context);
  const [first, second] = processes as [ProcessRebuild, ProcessRebuild];
  const buffer = first.track.memory.reserve(8).address - 65536;
  const area = `0x${buffer.toString(16)}<65536>`;
  assert.deepEqual(stepsOf(first.track), {
    make: [
      ...BEGIN,
      `pipe2(0x${(buffer - 16).toString(16)}<8>, 0x0)`,
      'fcntl(0, F_DUPFD_CLOEXEC, 0x29) = 41',
      'close(0)',
      'fcntl(1, F_DUPFD_CLOEXEC, 0x2a) = 42',
      'close(1)',
      'fcntl(42, F_SETPIPE_SZ, 0x20000) = 131072',
      ...kept('pidfd_getfd(40, 60, 0x0)', 43),
      `pread64(43, ${area}, 65536, 20) = 65536`,
      `write(42, ${area}, 65536) = 65536`,
      `pread64(43, ${area}, 4464, 65556) = 4464`,
      `write(42, ${area}, 4464) = 4464`,
      'fcntl(41, F_SETFL, 0x800)',
    ],
    descriptors: ['dup3(41, 3, 0x0) = 3'],
  });
  assert.deepEqual(stepsOf(second.track), {
    make: BEGIN,
    descriptors: [
      ...kept('pidfd_open(10, 0x0)', 41),
      ...kept('pidfd_getfd(41, 42, 0x0)', 42),
      'dup3(42, 7, O_CLOEXEC) = 7',
    ],
  });
});

/** The steps that put 120 bytes into a pipe, from the image at 43 to its end at 42; numbers of memory are left out. */
function refill(packet_offsets: number[], packet_lengths: number[]): string[] {
  const images = imagesOf(
    [pipeEnd(1, 9, 0), pipeEnd(2, 9, 1)],
    [
      [3, 1],
      [4, 2],
    ],
  );
  images.addWith(IMAGES.PIPES_DATA, {
    value: { pipe_id: 9, bytes: 120, packet_offsets, packet_lengths },
    payload: { blocks: { extra: { file: 'x', offset: 0, length: 120 } as never }, records: [] },
  });
  const { context, processes } = setup(images, [10], port({}));
  rebuildFiles(context);
  const steps = stepsOf((processes as [ProcessRebuild])[0].track).make ?? [];
  return steps
    .slice(
      steps.indexOf(
        'close(0)',
        steps.findIndex((step) => step.startsWith('pidfd_getfd')),
      ) + 1,
    )
    .map((step) => step.replace(/0x[0-9a-f]+<\d+>/, 'MEMORY'));
}

test('packets are written one by one, and no bytes before them take them in', () => {
  const stored = (count: number, offset: number): string[] => [
    `pread64(43, MEMORY, ${count}, ${offset}) = ${count}`,
    `write(42, MEMORY, ${count}) = ${count}`,
  ];
  assert.deepEqual(refill([0, 20], [20, 100]), [
    'fcntl(42, F_SETFL, 0x4000)',
    ...[...stored(20, 0), ...stored(100, 20)],
    'fcntl(42, F_SETFL, 0x0)',
  ]);
  assert.deepEqual(refill([50], [10]), [
    'pread64(43, MEMORY, 50, 0) = 50',
    'pipe2(MEMORY, 0x0)',
    ...['fcntl(0, F_DUPFD_CLOEXEC, 0x2c) = 44', 'close(0)'],
    ...['fcntl(1, F_DUPFD_CLOEXEC, 0x2d) = 45', 'close(1)'],
    'write(45, MEMORY, 50) = 50',
    'tee(44, 42, 50, 0x0) = 50',
    ...['close(44)', 'close(45)'],
    'fcntl(42, F_SETFL, 0x4000)',
    ...stored(10, 50),
    'fcntl(42, F_SETFL, 0x0)',
    ...stored(60, 60),
  ]);
  for (const [offsets, lengths] of [
    [
      [10, 5],
      [10, 10],
    ],
    [[100], [21]],
    [[0], [0]],
    [[0], []],
  ] as const) {
    assert.throws(() => refill([...offsets], [...lengths]), /packet \d of a pipe.*cannot be there/);
  }
});

test('a third description of a pipe is opened once more; a FIFO needs no partner to open', () => {
  const images = imagesOf(
    [
      ...[pipeEnd(1, 9, 0), pipeEnd(2, 9, 0), pipeEnd(3, 9, 2)],
      reg(5, '/f', { flags: 1, mode: 0o10600 }),
      { type: fd_types.FIFO, id: 4, fifo: { id: 4, pipe_id: 9, regf_id: 5 } },
      reg(7, '/lonely', { mode: 0o10600 }),
      { type: fd_types.FIFO, id: 6, fifo: { id: 6, pipe_id: 8, regf_id: 7 } },
    ],
    [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 6],
    ],
  );
  const host = port({ '/f': { mode: 0o10600 }, '/lonely': { mode: 0o10600 } });
  const { context, processes } = setup(images, [10], host);
  rebuildFiles(context);
  const { make = [] } = stepsOf((processes[0] as ProcessRebuild).track);
  assert.deepEqual(make.slice(BEGIN.length + 5), [
    ...kept('openat(AT_FDCWD, "/proc/self/fd/41", O_CLOEXEC, 00)', 43),
    ...kept('openat(AT_FDCWD, "/proc/self/fd/41", O_RDWR|O_CLOEXEC, 00)', 44),
    ...kept('openat(AT_FDCWD, "/f", O_RDWR|O_NOCTTY|O_CLOEXEC, 00)', 45),
    ...kept('openat(AT_FDCWD, "/f", O_WRONLY|O_NOCTTY|O_CLOEXEC, 00)', 46),
    ...kept('openat(AT_FDCWD, "/lonely", O_NOCTTY|O_NONBLOCK|O_CLOEXEC, 00)', 47),
    'fcntl(47, F_SETFL, 0x0)',
  ]);
});

test('a file for a mapping is opened once per access mode, whatever stage the track is at', () => {
  const images = imagesOf([reg(1, '/lib')], []);
  const { context, processes } = setup(images, [10], port({ '/lib': { mode: 0o100644 } }));
  const files = rebuildFiles(context);
  const [process] = processes as [ProcessRebuild];
  process.track.at('memory');
  const fd = files.use(process, 1);
  assert.equal(process.track.stage, 'memory');
  assert.equal(files.use(process, 1), fd);
  assert.notEqual(files.use(process, 1, 2), fd);
  assert.equal(files.image(process, 'pages-1.img'), files.image(process, 'pages-1.img'));
  assert.deepEqual(stepsOf(process.track).make?.slice(BEGIN.length), [
    ...kept('openat(AT_FDCWD, "/lib", O_NOCTTY|O_CLOEXEC, 00)', fd),
    ...kept('openat(AT_FDCWD, "/lib", O_RDWR|O_NOCTTY|O_CLOEXEC, 00)', fd + 1),
    ...kept('pidfd_getfd(40, 60, 0x0)', fd + 2),
  ]);
});

test('all files that changed are named at once, with what they were and are', () => {
  const entries = [
    reg(1, '/gone'),
    reg(2, '/grown', { size: 10, mode: 0o100644 }),
    reg(3, '/folder', { mode: 0o100644 }),
    reg(4, '/same', { size: 3, mode: 0o100644 }),
  ];
  const host = port({
    '/grown': { mode: 0o100644, size: 12 },
    '/folder': DIRECTORY,
    '/same': { mode: 0o100600, size: 3 },
  });
  const { context } = setup(imagesOf(entries, [[3, 2]]), [10], host);
  assert.throws(() => rebuildFiles(context), {
    code: 'external',
    what: "4 files are not as at the checkpoint: '/gone' is missing (ENOENT); '/grown' has 12 bytes, and had 10; '/folder' is a directory, and was a regular file; '/same' has the mode 0600, and had 0644 (see --skip-file-rwx-check)",
  });
});

test('permissions may differ with --skip-file-rwx-check, and set-user-ID may not', () => {
  const entries = [reg(1, '/a', { mode: 0o100644 }), reg(2, '/b', { mode: 0o104755 })];
  const host = port({ '/a': { mode: 0o100600 }, '/b': { mode: 0o100755 } });
  const { context } = setup(imagesOf(entries, [[3, 1]]), [10], host);
  context.options = { ...DEFAULT_OBJECT_OPTIONS, skipFileRwxCheck: true };
  assert.throws(
    () => rebuildFiles(context),
    /a file is not .*: '\/b' has the mode 0755, and had 04755/,
  );
});

test('build-ids are not asked for with --file-validation filesize', () => {
  const entries = [reg(1, '/elf', { mode: 0o100755, size: 9, build_id: [1, 2] })];
  const host = port({ '/elf': { mode: 0o100755, size: 9 } });
  const opened: string[] = [];
  host.attempt = (_, { pathname }: { pathname?: string } = {}) => {
    opened.push(String(pathname));
    return -2;
  };
  for (const fileValidation of ['filesize', 'buildid'] as const) {
    const { context } = setup(imagesOf(entries, [[3, 1]]), [10], host);
    context.options = { ...DEFAULT_OBJECT_OPTIONS, fileValidation };
    rebuildFiles(context);
    assert.deepEqual(opened, fileValidation === 'filesize' ? [] : ['/elf']);
  }
});

test('what is in the images and not restored yet is refused by name', () => {
  const refuses = (images: ImageSet, vpids: number[], message: RegExp) =>
    assert.throws(() => rebuildFiles(setup(images, vpids, port({})).context), message);
  const tun = { type: fd_types.TUNF, id: 1 };
  refuses(imagesOf([tun], [[5, 1]]), [10], /descriptor 5 of pid 10 \(program\): .*TUNF/);
  refuses(imagesOf([], [[5, 1]]), [10], /file 1 is missing/);
  const lost = imagesOf([]);
  lost.add(IMAGES.REMAP_FPATH, { orig_id: 2, remap_id: 26, remap_type: remap_type.GHOST });
  refuses(lost, [10], /ghost-file-1a\.img: the image is missing/);
});

test('files of a process that is gone are opened by woodfrog, all of them by one entry', () => {
  const entries = [reg(1, '/proc/77/status', { pos: 9n }), reg(2, '/proc/77', { mode: 0o40555 })];
  const images = imagesOf(entries, [
    [3, 1],
    [4, 2],
  ]);
  images.add(IMAGES.REMAP_FPATH, { orig_id: 1, remap_id: 77, remap_type: remap_type.PROCFS });
  const { context, processes } = setup(images, [10], port({}));
  const asked: unknown[] = [];
  context.hostGoneFile = (at) => 60 + asked.push([at.pid, at.name, at.pos]);
  rebuildFiles(context);
  assert.deepEqual(asked, [
    [77, '/proc/77/status', 9n],
    [77, '/proc/77', 0n],
  ]);
  const [{ track }] = processes as [ProcessRebuild];
  assert.deepEqual(stepsOf(track).make?.slice(BEGIN.length), [
    ...kept('pidfd_getfd(40, 61, 0x0)', 41),
    ...kept('pidfd_getfd(40, 62, 0x0)', 42),
  ]);
});

test('files of a task of the tree are not looked for before it is there', () => {
  const images = imagesOf([reg(1, '/proc/10/status', {}), reg(2, '/proc/11/status', {})], [[3, 1]]);
  images.add(IMAGES.PSTREE, { pid: 10, ppid: 0, pgid: 10, sid: 10, threads: [10] });
  const { context } = setup(images, [10], port({}));
  assert.throws(() => rebuildFiles(context), {
    what: "a file is not as at the checkpoint: '/proc/11/status' is missing (ENOENT)",
  });
});

test('of two that share a table the first makes, opens and closes', () => {
  const images = imagesOf([pipeEnd(1, 9, 0)], [[5, 1]]);
  const { context, processes } = setup(images, [10, 11], port({}));
  const [first, second] = processes as [ProcessRebuild, ProcessRebuild];
  second.owner = { ...second.owner, files_id: first };
  rebuildFiles(context).finish();
  assert.deepEqual(second.track.steps, []);
  // What the second maps and enters in 'task state' is still open then.
  const last = first.track.steps.filter(({ call }) => call.name === 'close_range').at(-1);
  assert.equal(last?.stage, 'threads');
});
