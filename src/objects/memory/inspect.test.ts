import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGolden } from '../../../test/support/golden.js';
import { memoryStore } from '../../../test/support/memory-store.js';
import type { ProcessView } from '../../checkpoint/views.js';
import { IMAGES } from '../../images/catalogue.js';
import { readImageSet } from '../../images/directory.js';
import { parseMaps } from '../../linux/procfs/maps.js';
import { parseProtectionKeys, parseVmFlags } from '../../linux/procfs/smaps.js';
import type { FileStat } from '../ports.js';
import { collectSegments, type FileRegistry, inspectMemory, type MappedPath } from './inspect.js';
import type { MappedFile, MemoryObservation } from './observe.js';
import {
  VMA_ANON_SHARED,
  VMA_AREA_GUARD,
  VMA_AREA_REGULAR,
  VMA_FILE_PRIVATE,
  VMA_FILE_SHARED,
} from './vma.js';

const process = { pid: 12, task: 12, comm: 'loop' } as ProcessView;
const stat = (changes: Partial<FileStat> = {}): FileStat => ({
  dev: 0xfe00n,
  ino: 7n,
  nlink: 1n,
  mode: 0o100644,
  uid: 0,
  gid: 0,
  rdev: 0n,
  size: 1 << 20,
  ...changes,
});
const sound: MappedFile = { stat: stat(), target: '/bin/loop', named: stat() };

/** smaps as the kernel writes it, but for the counts: a line of maps, then its flags. */
function observe(smaps: string, changes: Partial<MemoryObservation> = {}): MemoryObservation {
  const mappings = parseMaps(
    smaps
      .split('\n')
      .filter((line) => /^[0-9a-f]+-/.test(line))
      .join('\n'),
  );
  const files = new Map<number, MappedFile>();
  for (const { start, path } of mappings) if (path !== undefined) files.set(start, sound);
  return {
    process,
    mappings,
    flags: parseVmFlags(smaps),
    protectionKeys: parseProtectionKeys(smaps),
    files,
    guards: [],
    anonymousBytes: 0,
    ...changes,
  };
}

const registry = (asked: MappedPath[] = []): FileRegistry => ({
  path: (file) => asked.push(file),
});

const inspectOne = (line: string, flags: string, changes: Partial<MemoryObservation> = {}) =>
  inspectMemory(observe(`${line}\nVmFlags: ${flags}\n`, changes), registry());

const refusal = (line: string, flags: string, changes: Partial<MemoryObservation> = {}): string => {
  try {
    inspectOne(line, flags, changes);
  } catch (error) {
    return String(error);
  }
  return 'not refused';
};

const LOOP = `00400000-00401000 r--p 00000000 fe:00 7                            /bin/loop
VmFlags: rd mr mw me
00401000-00479000 r-xp 00001000 fe:00 7                            /bin/loop
VmFlags: rd ex mr mw me
00479000-004a0000 r--p 00079000 fe:00 7                            /bin/loop
VmFlags: rd mr mw me
004a0000-004a4000 r--p 000a0000 fe:00 7                            /bin/loop
VmFlags: rd mr mw me ac
004a4000-004a7000 rw-p 000a4000 fe:00 7                            /bin/loop
VmFlags: rd wr mr mw me ac
004a7000-004ac000 rw-p 00000000 00:00 0
VmFlags: rd wr mr mw me ac
0a895000-0a8b7000 rw-p 00000000 00:00 0                                  [heap]
VmFlags: rd wr mr mw me ac
7faab5a90000-7faab5a94000 r--p 00000000 00:00 0                          [vvar]
VmFlags: rd mr pf io de dd
7faab5a94000-7faab5a96000 r--p 00000000 00:00 0                          [vvar_vclock]
VmFlags: rd mr pf io de dd
7faab5a96000-7faab5a98000 r-xp 00000000 00:00 0                          [vdso]
VmFlags: rd ex mr mw me de
7ffe158d5000-7ffe158f6000 rw-p 00000000 00:00 0                          [stack]
VmFlags: rd wr mr mw me gd ac
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
VmFlags: ex
`;

test('a program becomes the mappings that the reference image has of it', () => {
  const store = memoryStore([['mm-11021.img', readGolden('loop', 'mm-11021.img')]]);
  const golden = readImageSet(store).require(IMAGES.MM, 11021).vmas;
  const asked: MappedPath[] = [];
  const files = { path: (file: MappedPath) => (asked.push(file) > 0 ? 1 : 0) };
  const { vmas } = inspectMemory(observe(LOOP), files);
  // Ours alone: what cannot be written and was counted as memory that can.
  const expected = golden.map((vma) =>
    vma.start === 0x4a0000 ? { ...vma, accounted: true } : vma,
  );
  assert.deepEqual(vmas, expected);
  assert.deepEqual(asked.map(({ path, flags }) => [path, flags])[0], ['/bin/loop', 0]);
});

test('pages are looked for in private memory, and all of the vdso is saved', () => {
  const { areas } = inspectMemory(observe(LOOP), registry());
  assert.deepEqual(
    areas.map(({ start, flags, pages }) => [start.toString(16), flags, pages]),
    [
      ['400000', 4, 'content'],
      ['401000', 4, 'content'],
      ['479000', 4, 'content'],
      ['4a0000', 4, 'content'],
      ['4a4000', 4, 'content'],
      ['4a7000', 6, 'content'],
      ['a895000', 6, 'content'],
      ['7faab5a96000', 4, 'all'],
      ['7ffe158d5000', 6, 'content'],
    ],
  );
});

const ANON = '7f0000000000-7f0000010000 rw-p 00000000 00:00 0';

test('advice, locks, reservations and seals are kept', () => {
  const [vma] = inspectOne(ANON, 'rd wr mr mw me lo lf nr dc hg mg dd wf sl').vmas;
  assert.equal(vma?.flags, 0x2 | 0x20 | 0x2000 | 0x4000);
  assert.equal(vma?.madv, (1n << 10n) | (1n << 14n) | (1n << 12n) | (1n << 16n) | (1n << 18n));
  assert.equal(vma?.locked_on_fault, true);
  assert.equal(vma?.sealed, true);
  assert.equal(vma?.accounted, undefined);
});

test('droppable memory is mapped again, and comes back empty', () => {
  const { vmas, areas } = inspectOne(ANON, 'rd wr mr mw me nr wf dd dp');
  assert.equal(vmas[0]?.flags, 0x8 | 0x20);
  assert.equal(vmas[0]?.madv, undefined);
  assert.deepEqual(areas, []);
});

test('names of anonymous memory are kept', () => {
  const { vmas } = inspectOne(`${ANON}                          [anon:my arena]`, 'rd wr mr mw me');
  assert.equal(vmas[0]?.anon_name, 'my arena');
});

test('guard pages come as entries of their own, behind all mappings', () => {
  const guards = [{ start: 0x7f0000001000, end: 0x7f0000002000 }];
  const { vmas } = inspectOne(ANON, 'rd wr mr mw me gu', { guards });
  assert.equal(vmas.length, 2);
  assert.equal(vmas[0]?.status && vmas[0].status & VMA_AREA_GUARD, 0);
  assert.deepEqual([vmas[1]?.start, vmas[1]?.status], [0x7f0000001000, VMA_AREA_GUARD]);
});

const FILE = '7f0000000000-7f0000010000 rw-s 00002000 fe:00 7                  /data/file';

test('a shared file mapping is opened for writing only if it may be written', () => {
  const asked: MappedPath[] = [];
  const smaps = `${FILE}\nVmFlags: rd wr sh mr mw me ms\n${FILE.replace('rw-s', 'r--s').replace(
    '7f0000000000-7f0000010000',
    '7f0000010000-7f0000020000',
  )}\nVmFlags: rd mr me ms\n`;
  const { vmas, areas } = inspectMemory(observe(smaps), registry(asked));
  assert.deepEqual(
    vmas.map(({ status, fdflags, pgoff, flags }) => [status, fdflags, pgoff, flags]),
    [
      [VMA_AREA_REGULAR | VMA_FILE_SHARED, 2, 0x2000, 1],
      [VMA_AREA_REGULAR | VMA_FILE_SHARED, 0, 0x2000, 1],
    ],
  );
  assert.deepEqual(
    asked.map(({ flags }) => flags),
    [2, 0],
  );
  assert.deepEqual(areas, []);
});

test('shared anonymous memory is known by its inode, with the size of the whole object', () => {
  const line = '7f0000000000-7f0000010000 rw-s 00001000 00:01 1850           /dev/zero (deleted)';
  const file = {
    stat: stat({ ino: 1850n, size: 0x20000 }),
    target: '/dev/zero (deleted)',
    named: -2,
  };
  const { vmas, segments } = inspectOne(line, 'rd wr sh mr mw me ms', {
    files: new Map([[0x7f0000000000, file]]),
  });
  assert.deepEqual(
    vmas.map(({ shmid, status, flags, pgoff }) => [shmid, status, flags, pgoff]),
    [[1850n, VMA_AREA_REGULAR | VMA_ANON_SHARED, 0x21, 0x1000]],
  );
  assert.equal(segments[0]?.size, 0x20000);
  const again = inspectOne(line, 'rd wr sh mr mw me ms', {
    files: new Map([[0x7f0000000000, file]]),
  });
  const both = collectSegments([{ vmas, segments, areas: [] }, again]);
  const link = '/proc/12/map_files/7f0000000000-7f0000010000';
  assert.deepEqual(both, [{ shmid: 1850n, size: 0x20000, link }]);
  // It reaches beyond what is mapped: 0x1000 + 0x10000.
  assert.equal(vmas[0]?.object_size, 0x20000);
});

test('a private mapping of /dev/zero is one of a file', () => {
  const line = '7f0000000000-7f0000010000 rw-p 00000000 00:06 4                  /dev/zero';
  const zero = stat({ mode: 0o20666, rdev: 0x105n });
  const file = { stat: zero, target: '/dev/zero', named: zero };
  const { vmas } = inspectOne(line, 'rd wr mr mw me ac', {
    files: new Map([[0x7f0000000000, file]]),
  });
  assert.equal(vmas[0]?.status, VMA_AREA_REGULAR | VMA_FILE_PRIVATE);
});

const named = (name: string, mode = 'rw-s', inode = 9): string =>
  `7f0000000000-7f0000010000 ${mode} 00000000 00:0d ${inode}                  ${name}`;

test('special mappings are refused by name', () => {
  const cases: [line: string, said: RegExp][] = [
    [named('/SYSV00000000 (deleted)'), /System V shared memory/],
    [named('/anon_hugepage (deleted)'), /huge TLB pages/],
    [named('/secretmem (deleted)'), /secret memory/],
    [named('anon_inode:[io_uring]'), /io_uring/],
    [named('anon_inode:[perf_event]'), /perf event/],
    [named('socket:[42]'), /packet socket/],
    [named('[uprobes]', '--xp', 0), /uprobes/],
    [named('[new-thing]', 'r--p', 0), /\[new-thing\] is not known/],
  ];
  for (const [line, said] of cases) {
    const text = refusal(line, 'rd wr sh mr mw me ms');
    assert.match(text, said);
    assert.match(text, /mapping 0x7f0000000000-0x7f0000010000 \(.*\) of pid 12 \(loop\)/);
    assert.match(text, /\nRemedy: /);
  }
});

test('flags that are not saved are refused by name', () => {
  const cases: [flag: string, said: RegExp][] = [
    ['um', /userfaultfd/],
    ['uw', /userfaultfd/],
    ['ui', /userfaultfd/],
    ['ht', /huge TLB/],
    ['ss', /shadow stack/],
    ['pf', /device/],
    ['io', /device/],
    ['de', /driver/],
    ['sf', /MAP_SYNC/],
    ['mp', /VmFlags has 'mp' \(MPX/],
    ['zz', /VmFlags has 'zz' \(unknown to this version\)/],
  ];
  for (const [flag, said] of cases) {
    const text = refusal(ANON, `rd wr mr mw me ${flag}`);
    assert.match(text, said);
    assert.match(text, /\nRemedy: /);
  }
});

test('a protection key is refused', () => {
  const smaps = `${ANON}\nProtectionKey:         3\nVmFlags: rd wr mr mw me\n`;
  assert.throws(() => inspectMemory(observe(smaps), registry()), /protection key 3/);
  const zero = `${ANON}\nProtectionKey:         0\nVmFlags: rd wr mr mw me\n`;
  assert.equal(inspectMemory(observe(zero), registry()).vmas.length, 1);
});

test('a mapped file must still be at its path', () => {
  const at = (file: MappedFile) => ({ files: new Map([[0x7f0000000000, file]]) });
  const flags = 'rd wr sh mr mw me ms';
  const other = { ...sound, named: stat({ ino: 8n }) };
  assert.match(refusal(FILE, flags, at(other)), /deleted or replaced: another is at '\/bin\/loop'/);
  assert.match(refusal(FILE, flags, at({ ...sound, named: -2 })), /was deleted: nothing is at/);
  const moved = { ...sound, named: stat({ dev: 1n }) };
  assert.match(refusal(FILE, flags, at(moved)), /deleted or replaced/);
  const device = stat({ mode: 0o20666, rdev: 0x101n });
  assert.match(
    refusal(FILE, flags, at({ stat: device, target: '/dev/mem', named: device })),
    /device mappings/,
  );
});
