import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from '../../test/support/memory-store.js';
import { IMAGES } from '../images/catalogue.js';
import { writeImage } from '../images/directory.js';
import { imageName } from '../images/image.js';
import type { mm_entry } from '../images/messages/mm.js';
import type { vma_entry } from '../images/messages/vma.js';
import { PagemapWriter, PE_PRESENT } from '../images/pagemap.js';
import type { MessageValue } from '../images/schema.js';
import { explore } from './explore.js';

type Vma = MessageValue<typeof vma_entry>;
const task = (pid: number, ppid: number) => ({
  value: { pid, ppid, pgid: 1, sid: 1, threads: [pid] },
});

function checkpoint(tasks: ReturnType<typeof task>[], vmas: Vma[] = []) {
  const store = memoryStore();
  writeImage(store, 'pstree.img', IMAGES.PSTREE, tasks);
  const required = Object.entries(IMAGES.MM.message?.fields ?? {}).filter(
    ([, { label }]) => label === 'required',
  );
  const mm = {
    ...Object.fromEntries(required.map(([key]) => [key, 0])),
    mm_saved_auxv: [],
    aios: [],
    exe_file_id: 1,
    vmas,
  } as unknown as MessageValue<typeof mm_entry>;
  writeImage(store, 'mm-1.img', IMAGES.MM, [{ value: mm }]);
  return store;
}

const vma = (start: number, pages: number, status: number, flags = 2): Vma => ({
  start,
  end: start + pages * 4096,
  pgoff: 0x1000,
  shmid: 7n,
  prot: 5,
  flags,
  status,
  fd: -1,
});

test('the tree is shown by depth, and one that leads to no root is refused', () => {
  const text = explore(checkpoint([task(1, 0), task(2, 1), task(4, 2), task(3, 1)]), 'ps');
  assert.equal(
    text,
    [
      '    PID   PGID    SID   COMM',
      '      1      1      1',
      '      2      1      1',
      '      4      1      1',
      '      3      1      1',
      '',
    ].join('\n'),
  );
  const circle = checkpoint([task(1, 0), task(2, 3), task(3, 2)]);
  assert.throws(() => explore(circle, 'ps'), /task 2: its parent 3 leads to no root/);
});

test('mappings are named by their status', () => {
  const statuses = [1, 3, 5, 9, 65, 129, 257, 1025, 2049, 64];
  const vmas = statuses.map((status, i) => vma(0x10000 + i * 4096, 1, status));
  const names = explore(checkpoint([task(1, 0)], [...vmas, vma(0x90000, 1, 1, 0x102)]), 'mems')
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(41));
  assert.deepEqual(names, [
    '',
    'unknown path',
    '',
    '[stack]',
    '[vsyscall]',
    '[vdso]',
    'unknown path + 0x1000',
    'unknown path + 0x1000 (s)',
    'shmem[7]',
    'ips[7]',
    'packet[7]',
    'unknown path + 0x1000 *',
    '[stack?]',
  ]);
});

test('page runs stand beside the mappings that they lie in', () => {
  const store = checkpoint([task(1, 0)], [vma(0x10000, 4, 1), vma(0x14000, 4, 1)]);
  const writer = store.create(imageName(IMAGES.PAGEMAP, 1));
  const runs = new PagemapWriter(IMAGES.PAGEMAP, writer, 1);
  const run = (vaddr: number, pageCount: number) => ({ vaddr, pageCount, flags: PE_PRESENT });
  for (const each of [run(0x11000, 1), run(0x12000, 4), run(0x17000, 1)]) runs.add(each);
  runs.finish();
  assert.deepEqual(explore(store, 'rss').split('\n'), [
    '1',
    '\t11000 / 1               00010000 / 4       ',
    `\t${' '.repeat(23)}`,
    '\t12000 / 4               ~',
    `\t${' '.repeat(24)}00014000 / 4       `,
    `\t${' '.repeat(23)}`,
    '\t17000 / 1               ~',
    `\t${' '.repeat(23)}`,
    '',
  ]);
});
