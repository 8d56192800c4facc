import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withParent } from '../../test/support/chain.js';
import { fixtureFolder, type GoldenSet, goldenSets } from '../../test/support/golden.js';
import { type MemoryStore, memoryStore, readerOf } from '../../test/support/memory-store.js';
import { IMAGES } from '../images/catalogue.js';
import { type ImageSet, readImageSet, writeImageSet } from '../images/directory.js';
import { fd_types } from '../images/messages/fdinfo.js';
import {
  PagemapWriter,
  type PageRun,
  PE_PARENT,
  PE_PRESENT,
  readPagemap,
} from '../images/pagemap.js';
import { defined } from '../support/assert.js';
import { storedPages } from './page-facts.js';
import { type Problem, problemText } from './problems.js';
import { refuseUnsupported, unsupportedEntries } from './unsupported-entries.js';
import { findProblems, verifyCheckpoint } from './verify.js';
import { readVerified, verifyStore } from './verify-store.js';

/** Bytes of each golden page file: contents are not among the fixtures, and zeros will do. */
const PAGES: Readonly<Record<GoldenSet, readonly number[]>> = {
  loop: [15],
  tasks: [17, 14, 14],
  files: [1, 1, 14],
  sockets: [15],
};

function golden(name: GoldenSet): MemoryStore {
  const folder = fixtureFolder(name);
  const images = readdirSync(folder).filter((file) => file.endsWith('.img'));
  const store = memoryStore(
    images.map((file) => [file, Uint8Array.from(readFileSync(join(folder, file)))]),
  );
  for (const [index, pages] of PAGES[name].entries()) {
    store.files.set(`pages-${index + 1}.img`, new Uint8Array(pages * 4096));
  }
  return store;
}

/** Without the offset, which the name of the entry does not need here. */
const textOf = ({ file, entry, what }: Problem): string =>
  problemText({ file, what, ...(entry !== undefined && { entry }) });

function problemsOf(store: MemoryStore, change: (set: ImageSet) => void = () => {}): string[] {
  const set = readImageSet(store);
  change(set);
  return findProblems(set, storedPages(store)).map(textOf);
}

test('the captured checkpoints are sound', () => {
  for (const name of goldenSets) assert.deepEqual(problemsOf(golden(name)), [], name);
});

const ROOT = 11073;
const CHILD = 11075;
const ZOMBIE = 11076;
const THREAD = 11077;

const core = (set: ImageSet, tid: number) => set.require(IMAGES.CORE, tid);
const tc = (set: ImageSet, tid: number) => defined(core(set, tid).tc, 'tc');
const creds = (set: ImageSet, tid: number) => defined(core(set, tid).thread_core?.creds, 'creds');
const mm = (set: ImageSet) => set.require(IMAGES.MM, ROOT);
const at = <T>(values: readonly T[], index: number): T => defined(values[index], 'no such entry');
const process = (set: ImageSet, index: number) => at(set.many(IMAGES.PSTREE), index);
const vma = (set: ImageSet, index: number) => at(mm(set).vmas, index);
const file = (set: ImageSet, id: number) =>
  defined(
    set.many(IMAGES.FILES).find((entry) => entry.id === id),
    'no such file',
  );
const descriptor = (set: ImageSet, fd: number) => at(set.many(IMAGES.FDINFO, 2), fd);

/** One thing broken in the checkpoint 'tasks', and what is said about it. */
const MUTATIONS: [change: (set: ImageSet) => void, ...said: string[]][] = [
  [
    (set) => Object.assign(set.require(IMAGES.INVENTORY), { img_version: 3 }),
    'inventory.img: img_version is 3; this version of the format is 2',
  ],
  [
    (set) => delete set.require(IMAGES.INVENTORY).root_ids,
    'inventory.img: root_ids is missing: nothing says which namespaces were shared',
  ],
  [
    (set) => delete set.require(IMAGES.INVENTORY).fdinfo_per_id,
    'inventory.img: fdinfo_per_id is not set: descriptor tables cannot be found',
  ],
  [
    (set) => delete set.require(IMAGES.INVENTORY).ns_per_id,
    'inventory.img: ns_per_id is not set: namespaces cannot be found',
  ],
  [
    (set) => Object.assign(set.require(IMAGES.TIMENS, 0).boottime, { tv_nsec: 1e9 }),
    'timens-0.img: boottime has 1000000000 ns beside its seconds',
  ],
  [
    (set) => Object.assign(process(set, 0), { ppid: 1 }),
    'pstree.img: process 11073 is the root and has the parent 1, not 0',
  ],
  [
    (set) => Object.assign(process(set, 1), { ppid: 0 }),
    'pstree.img: process 11075 is a second root: it has no parent',
  ],
  [
    (set) => Object.assign(process(set, 1), { ppid: 11079 }),
    'pstree.img: process 11075 has the parent 11079, which is not among the processes before it',
  ],
  [
    (set) => Object.assign(process(set, 1), { pgid: ROOT }),
    'pstree.img: process 11075 leads session 11075 from group 11073, which no kernel allows',
    'pstree.img: process 11075 is of group 11073 in session 11075; others of that group are in 11073',
  ],
  [
    (set) => process(set, 0).threads.push(CHILD),
    'pstree.img: id 11075 is that of more than one thread',
    'core-11075.img: tc belongs to a process; this is thread 11075 of 11073',
  ],
  [
    (set) => process(set, 0).threads.push(5_000_000),
    'pstree.img: process 11073 has a thread 5000000, which is no thread id',
    'core-5000000.img: is missing; thread 5000000 of 11073 needs it',
  ],
  [
    (set) => process(set, 0).threads.shift(),
    'pstree.img: process 11073 is not among its own threads',
  ],
  [
    (set) => set.put(IMAGES.MM, ZOMBIE, mm(set)),
    'mm-11076.img: is memory of a process that is a zombie',
  ],
  [
    (set) => delete core(set, CHILD).tc,
    'core-11075.img: tc is missing; core-11075.img is that of a process',
  ],
  [(set) => delete core(set, THREAD).thread_core, 'core-11077.img: thread_core is missing'],
  [(set) => delete core(set, THREAD).thread_info, 'core-11077.img: thread_info is missing'],
  [
    (set) => delete defined(core(set, THREAD).thread_core, '').creds,
    'core-11077.img: thread_core.creds is missing: nothing says whose thread it is',
  ],
  [
    (set) => Object.assign(tc(set, CHILD), { comm: '0123456789abcdef' }),
    "core-11075.img: tc.comm is '0123456789abcdef': names of threads have up to 15 bytes",
  ],
  [
    (set) => tc(set, CHILD).sigactions.pop(),
    'core-11075.img: tc.sigactions has 61 actions, not 62',
  ],
  [
    (set) =>
      Object.assign(at(defined(tc(set, CHILD).rlimits, '').rlimits, 7), { cur: 10n, max: 9n }),
    'core-11075.img: tc.rlimits[7] is 10, above its maximum 9',
  ],
  [
    (set) =>
      Object.assign(tc(set, CHILD), { signals_s: { signals: [{ siginfo: new Uint8Array(12) }] } }),
    'core-11075.img: tc.signals_s[0] has 12 bytes; a siginfo_t has 128',
  ],
  [(set) => creds(set, THREAD).cap_bnd.pop(), 'core-11077.img: creds.cap_bnd has 1 words, not 2'],
  [
    (set) => Object.assign(creds(set, THREAD), { cap_prm: [0, 0], cap_eff: [1, 0] }),
    'core-11077.img: creds.cap_eff has capabilities that cap_prm has not, which no kernel allows',
  ],
  [
    (set) => Object.assign(creds(set, THREAD), { cap_amb: [0, 0x80] }),
    'core-11077.img: creds.cap_amb has capabilities that are not both permitted and inheritable',
  ],
  [(set) => set.add(IMAGES.FILES, file(set, 4)), 'files.img: file 4 is there more than once'],
  [
    (set) => Object.assign(file(set, 4), { reg: file(set, 2).reg }),
    "files.img: file 4 is a PIPE: it should hold 'pipe' and holds 'reg', 'pipe'",
  ],
  [
    (set) => delete file(set, 4).pipe,
    "files.img: file 4 is a PIPE: it should hold 'pipe' and holds nothing",
  ],
  [
    (set) => Object.assign(defined(file(set, 4).pipe, ''), { id: 9 }),
    "files.img: file 4 says in 'pipe' that it is file 9",
  ],
  [
    (set) => Object.assign(defined(file(set, 2).reg, ''), { name: 'dev/null' }),
    "files.img: file 2 has the path 'dev/null', which is not absolute",
  ],
  [
    (set) =>
      set.add(IMAGES.FILES, {
        type: fd_types.FIFO,
        id: 90,
        fifo: { id: 90, pipe_id: 1, regf_id: 4 },
      }),
    'files.img: file 90 refers for its path to file 4: a PIPE, not REG',
  ],
  [
    (set) =>
      set.add(IMAGES.FILES, {
        type: fd_types.MEMFD,
        id: 90,
        memfd: { id: 90, flags: 0, pos: 0n, fown: fown(), inode_id: 3 },
      }),
    'files.img: file 90 refers to inode 3, which memfd.img does not hold',
  ],
  [
    (set) => Object.assign(descriptor(set, 3), { id: 77 }),
    'fdinfo-2.img: descriptor 3 refers to file 77, which files.img does not hold',
  ],
  [
    (set) => Object.assign(descriptor(set, 3), { type: fd_types.REG }),
    'fdinfo-2.img: descriptor 3 refers to file 4 as a REG; it is a PIPE',
  ],
  [
    (set) => Object.assign(descriptor(set, 3), { fd: 2 }),
    'fdinfo-2.img: descriptor 2 is there more than once',
  ],
  [
    (set) => Object.assign(descriptor(set, 3), { flags: 5 }),
    'fdinfo-2.img: descriptor 3 has the flags 0x5, not all of which are known',
  ],
  [
    (set) => Object.assign(set.require(IMAGES.FS, ROOT), { cwd_id: 4, umask: 0o1777 }),
    'fs-11073.img: cwd_id refers for the directory to file 4: a PIPE, not REG',
    'fs-11073.img: umask is 01777, which no kernel allows',
  ],
  [
    (set) => Object.assign(at(set.many(IMAGES.PIPES_DATA), 0), { pipe_id: 5 }),
    'pipes-data.img: pipe 5 holds data of a pipe that files.img does not have',
  ],
  [
    (set) => Object.assign(at(set.many(IMAGES.PIPES_DATA), 0), { size: 17 }),
    'pipes-data.img: pipe 6129767 holds 18 bytes; there is room for 17',
  ],
  [
    (set) => set.add(IMAGES.PIPES_DATA, at(set.many(IMAGES.PIPES_DATA), 0)),
    'pipes-data.img: pipe 6129767 is there more than once',
  ],
  [
    (set) => Object.assign(mm(set), { exe_file_id: 5 }),
    'mm-11073.img: exe_file_id refers for the executable to file 5: a PIPE, not REG or MEMFD',
  ],
  [
    (set) => Object.assign(mm(set), { mm_brk: 0x1000 }),
    'mm-11073.img: mm_start_brk is 0xb968000, above mm_brk 0x1000',
  ],
  [
    (set) => Object.assign(mm(set), { mm_env_end: 2 ** 60 }),
    'mm-11073.img: mm_env_end is 0x1000000000000000, not in user space',
  ],
  [
    (set) => mm(set).mm_saved_auxv.pop(),
    'mm-11073.img: mm_saved_auxv has 43 words: they come in pairs',
  ],
  [
    (set) => Object.assign(vma(set, 0), { start: 0x400100 }),
    'mm-11073.img: mapping 0x400100-0x401000 is not of whole pages',
  ],
  [
    (set) => Object.assign(vma(set, 0), { start: 0x401000 }),
    'mm-11073.img: mapping 0x401000-0x401000 is empty',
  ],
  [
    (set) => Object.assign(vma(set, 0), { end: 0x402000 }),
    'mm-11073.img: mapping 0x401000-0x48c000 overlaps mapping 0x400000-0x402000',
  ],
  [
    (set) => mm(set).vmas.unshift(...mm(set).vmas.splice(1, 1)),
    'mm-11073.img: mapping 0x400000-0x401000 is out of order',
  ],
  [
    (set) => Object.assign(at(mm(set).vmas, mm(set).vmas.length - 1), { status: 0x201 }),
    'mm-11073.img: mapping 0xffffffffff600000-0xffffffffff601000 is not in user space',
  ],
  [
    (set) => Object.assign(vma(set, 0), { shmid: 66n }),
    'mm-11073.img: mapping 0x400000-0x401000 refers for its content to file 66, which files.img does not hold',
  ],
  [
    (set) => Object.assign(vma(set, 0), { flags: 1 }),
    'mm-11073.img: mapping 0x400000-0x401000 has the flags 0x1; its status says MAP_PRIVATE',
  ],
  [
    (set) => Object.assign(vma(set, 0), { status: 1 }),
    'mm-11073.img: mapping 0x400000-0x401000 has the status 0x1: not one kind of memory',
  ],
  [
    (set) => Object.assign(vma(set, 0), { pgoff: 5 }),
    'mm-11073.img: mapping 0x400000-0x401000 begins at byte 5 of its object: not at a page',
  ],
  [
    (set) => mm(set).vmas.push({ ...vma(set, 0), start: 0x1000, end: 0x2000, status: 0x10000 }),
    'mm-11073.img: mapping 0x1000-0x2000 guards what is not mapped',
  ],
  [
    (set) => Object.assign(vma(set, 7), { status: 0x101, flags: 0x21 }),
    'mm-11073.img: mapping 0x7f6685565000-0x7f6685566000 is shared and names no object',
  ],
  [
    (set) => Object.assign(vma(set, 7), { status: 0x101, flags: 0x21, shmid: 4n }),
    'pagemap-shmem-4.img: is missing',
  ],
  [
    (set) =>
      Object.assign(vma(set, 0), { start: 0x2000, end: 0x3000 }) && mm(set).vmas.splice(1, 1),
    'pagemap-11073.img: the run 0x401000-0x402000 lies outside of private memory',
  ],
];

const fown = () => ({ uid: 0, euid: 0, signum: 0, pid_type: 0, pid: 0 });

test('each broken reference and impossible value is found, and nothing else', () => {
  const store = golden('tasks');
  for (const [change, ...said] of MUTATIONS) assert.deepEqual(problemsOf(store, change), said);
});

test('each missing image is named, with what needs it', () => {
  const missing: Readonly<Record<string, string>> = {
    'inventory.img': 'is missing: the dump did not end well, or the folder is no checkpoint',
    'core-11075.img': 'is missing; process 11075 needs it',
    'core-11077.img': 'is missing; thread 11077 of 11073 needs it',
    'ids-11075.img': 'is missing; process 11075 needs it',
    'mm-11075.img': 'is missing; process 11075 needs it',
    'fs-11075.img': 'is missing; process 11075 needs it',
    'fdinfo-3.img': 'is missing; process 11075 needs it',
    'pagemap-11075.img': 'is missing',
  };
  for (const [name, what] of Object.entries(missing)) {
    const store = golden('tasks');
    store.files.delete(name);
    assert.deepEqual(problemsOf(store), [`${name}: ${what}`]);
  }
});

test('the threads of a zombie are left to chance', () => {
  const change = (set: ImageSet) => Object.assign(process(set, 3), { threads: [3_395_722_048] });
  assert.deepEqual(problemsOf(golden('tasks'), change), []);
});

test('a descriptor table may be empty', () => {
  const store = golden('tasks');
  store.files.set('fdinfo-3.img', defined(store.files.get('fdinfo-3.img'), '').slice(0, 8));
  assert.deepEqual(problemsOf(store), []);
});

test('without its tree, a checkpoint is broken', () => {
  const store = golden('loop');
  store.files.delete('pstree.img');
  assert.deepEqual(problemsOf(store), ['pstree.img: holds no process']);
});

/** Replaces a pagemap. */
function putRuns(
  store: MemoryStore,
  name: string,
  pagesId: number,
  runs: readonly PageRun[],
): void {
  const writer = new PagemapWriter(IMAGES.PAGEMAP, store.create(name), pagesId);
  for (const run of runs) writer.add(run);
  writer.finish();
}

test("page files are there, are one process's, and are long enough", () => {
  const store = golden('tasks');
  store.files.set('pages-1.img', new Uint8Array(16 * 4096));
  store.files.delete('pages-2.img');
  assert.deepEqual(problemsOf(store), [
    'pages-1.img: has 65536 bytes; pagemap-11073.img says that 69632 are there',
    'pagemap-11075.img: needs pages-2.img: it is missing',
  ]);
  const shared = golden('tasks');
  const run = { vaddr: 0x401000, pageCount: 1, flags: PE_PRESENT };
  putRuns(shared, 'pagemap-11079.img', 1, [run]);
  assert.deepEqual(problemsOf(shared), [
    "pagemap-11079.img: refers to pages-1.img, which is pagemap-11073.img's",
  ]);
});

test('a run may span mappings, and must not leave them', () => {
  const store = golden('tasks');
  const runs = (pageCount: number) => [{ vaddr: 0x400000, pageCount, flags: 0 }];
  putRuns(store, 'pagemap-11073.img', 1, runs(0xc3));
  assert.deepEqual(problemsOf(store), []);
  putRuns(store, 'pagemap-11073.img', 1, runs(0xc4));
  assert.deepEqual(problemsOf(store), [
    'pagemap-11073.img: the run 0x400000-0x4c4000 lies outside of private memory',
  ]);
});

test('a broken pagemap is one problem, not an exception', () => {
  const store = golden('tasks');
  const bytes = defined(store.files.get('pagemap-11075.img'), '');
  store.files.set('pagemap-11075.img', bytes.slice(0, bytes.length - 3));
  const problems = problemsOf(store);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /^pagemap-11075\.img: /);
});

test('pages of shared memory lie within the object', () => {
  const store = golden('files');
  const run = { vaddr: 0x4000, pageCount: 1, flags: PE_PRESENT };
  putRuns(store, 'pagemap-shmem-88664.img', 1, [run]);
  assert.deepEqual(problemsOf(store), [
    'pagemap-shmem-88664.img: the run 0x4000-0x5000 lies outside of the 16384 bytes that the object has',
  ]);
  store.files.delete('pagemap-shmem-88664.img');
  assert.deepEqual(problemsOf(store), ['pagemap-shmem-88664.img: is missing']);
});

test('an error lists the problems: one by itself, many up to a limit', () => {
  const set = readImageSet(golden('tasks'));
  verifyCheckpoint(set);
  tc(set, ROOT).sigactions.pop();
  assert.throws(() => verifyCheckpoint(set), {
    code: 'image',
    message: 'Cannot handle core-11073.img: tc.sigactions, byte 12: has 61 actions, not 62',
  });
  for (let fd = 0; fd < 25; fd++) {
    set.add(IMAGES.FDINFO, 2, { id: 500 + fd, flags: 0, type: fd_types.REG, fd: 100 + fd });
  }
  assert.throws(
    () => verifyCheckpoint(set),
    ({ message }: Error) => {
      const lines = message.split('\n');
      assert.equal(lines[0], 'Cannot handle the checkpoint: it is broken in 26 things:');
      assert.equal(
        lines[2],
        '  fdinfo-2.img: descriptor 100 refers to file 500, which files.img does not hold',
      );
      assert.equal(lines.at(-1), '  and 6 more');
      return lines.length === 22;
    },
  );
});

const FILES_AND_PIPES = { fileTypes: [fd_types.REG, fd_types.PIPE, fd_types.FIFO] };
const unsupportedIn = (set: ImageSet): string[] =>
  unsupportedEntries(set, FILES_AND_PIPES).map(problemText);

test('what cannot be restored yet is named', () => {
  for (const name of ['loop', 'tasks'] as const) {
    assert.deepEqual(unsupportedIn(readImageSet(golden(name))), []);
  }
  const sockets = unsupportedIn(readImageSet(golden('sockets')));
  assert.equal(
    sockets[0],
    'files.img: has a unix socket (id 5), which woodfrog cannot restore yet',
  );
  assert.equal(sockets.length, 17);
  assert.throws(() => refuseUnsupported(readImageSet(golden('sockets')), FILES_AND_PIPES), {
    code: 'unsupported',
    message:
      /^Cannot handle the checkpoint: 17 things:\n {2}files\.img: has a unix socket \(id 5\)/,
  });
  const files = unsupportedIn(readImageSet(golden('files')));
  assert.ok(
    files.includes('filelocks.img: is an image of what woodfrog cannot restore yet (FILE_LOCKS)'),
  );
  // File 3 stands for shared anonymous memory, 4 and 17 for a memfd.
  const memfds = files.filter((line) => line.includes('memfd'));
  assert.deepEqual(
    memfds.map((line) => line.match(/id \d+/)?.[0]),
    ['id 4', 'id 17'],
  );
});

test('other processors, namespaces, locks and old images are named', () => {
  const set = readImageSet(golden('tasks'));
  Object.assign(core(set, THREAD), { mtype: 3 });
  Object.assign(set.require(IMAGES.IDS, CHILD), { net_ns_id: 40, time_ns_id: 41 });
  const lock = { flag: 1, type: 1, pid: CHILD, fd: 3, start: 0n, len: 0n };
  set.add(IMAGES.FILE_LOCKS, lock);
  set.add(IMAGES.SIGACT, CHILD, at(tc(set, CHILD).sigactions, 0));
  assert.deepEqual(unsupportedIn(set), [
    'core-11077.img: has registers of the processor AARCH64, which woodfrog cannot restore yet',
    'ids-11075.img: says that 11075 has a network namespace of its own, which woodfrog cannot restore yet',
    'filelocks.img: is an image of what woodfrog cannot restore yet (FILE_LOCKS)',
    'sigacts-11075.img: is of a checkpoint that is too old for woodfrog',
  ]);
});

test('a problem says at which byte of the file its entry begins', () => {
  const changed = golden('tasks');
  const set = readImageSet(changed);
  Object.assign(descriptor(set, 3), { id: 99 });
  Object.assign(process(set, 1), { ppid: 5 });
  tc(set, ROOT).sigactions.pop();
  const store = memoryStore(changed.files);
  writeImageSet(set, store);
  const far = { vaddr: 0x1000, pageCount: 1, flags: PE_PRESENT };
  putRuns(store, `pagemap-${CHILD}.img`, 2, [far]);
  const { problems } = verifyStore(withParent(store));
  const found = new Map(problems.map((problem) => [problem.file, problem]));
  const lengthBefore = (file: string): number => {
    const { offset } = defined(found.get(file), file);
    const bytes = defined(store.files.get(file), file);
    return Buffer.from(bytes).readUInt32LE(defined(offset, file) - 4);
  };
  assert.equal(found.get('core-11073.img')?.offset, 12);
  assert.equal(
    lengthBefore('core-11073.img'),
    defined(store.files.get('core-11073.img'), '').length - 12,
  );
  // Three descriptors before it, and one process.
  const entries = (file: string, count: number): number => {
    const bytes = Buffer.from(defined(store.files.get(file), file));
    let at = 8;
    for (let i = 0; i < count; i++) at += 4 + bytes.readUInt32LE(at);
    return at + 4;
  };
  assert.equal(found.get('fdinfo-2.img')?.offset, entries('fdinfo-2.img', 3));
  assert.equal(found.get('fdinfo-2.img')?.entry, 'descriptor 3');
  assert.equal(found.get('pstree.img')?.offset, entries('pstree.img', 1));
  assert.equal(
    found.get('pagemap-11075.img')?.offset,
    entries('pagemap-11075.img', 1),
    'the first run comes after the head',
  );
});

test('pages that a parent should have are missed, with and without a link to one', () => {
  const store = golden('tasks');
  const bytes = defined(store.files.get('pagemap-11075.img'), '');
  const { runs } = readPagemap(IMAGES.PAGEMAP, readerOf(bytes), 'pagemap-11075.img');
  const all = [...runs].map(({ vaddr, pageCount }) => ({ vaddr, pageCount, flags: PE_PARENT }));
  putRuns(store, 'pagemap-11075.img', 2, all);
  const [first] = all;
  const missing = `page 0x${first?.vaddr.toString(16)} is said to be in the parent images`;
  for (const parent of [undefined, withParent(memoryStore())]) {
    const child = withParent(store, () => parent);
    const { problems } = verifyStore(child);
    assert.deepEqual(
      problems.map(({ file, what }) => `${file}: ${what.split(', which')[0]}`),
      [`pagemap-11075.img: ${missing}`],
    );
    assert.throws(() => readVerified(child), { code: 'image', message: new RegExp(missing) });
  }
  assert.ok(verifyStore(withParent(store, () => withParent(golden('tasks')))).sound);
});

test('what a restore reads is verified whole: broken images and lost references in one error', () => {
  const store = golden('tasks');
  assert.equal(readVerified(withParent(store)).many(IMAGES.PSTREE).length, 4);
  const bytes = defined(store.files.get('fs-11075.img'), '');
  store.files.set('fs-11075.img', bytes.slice(0, -1));
  assert.throws(() => readVerified(withParent(store)), {
    code: 'image',
    message: /^Cannot handle fs-11075\.img: (entry 0, )?byte \d+: .* needs \d+ bytes, \d+ follow$/,
  });
  store.files.delete('mm-11073.img');
  assert.throws(() => readVerified(withParent(store)), {
    message: /it is broken in 2 things:\n {2}fs-11075\.img: .*\n {2}mm-11073\.img: is missing/,
  });
});
