import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Made, withParent } from '../../../test/support/chain.js';
import { type MemoryStore, memoryStore } from '../../../test/support/memory-store.js';
import { ownerOfAll } from '../../../test/support/task-states.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { imageName } from '../../images/image.js';
import { PagemapWriter } from '../../images/pagemap.js';
import { parseMaps } from '../../linux/procfs/maps.js';
import { printCall } from '../../linux/syscall.js';
import { Plan } from '../../plan/plan.js';
import type { Stage } from '../../plan/stages.js';
import { Value } from '../../plan/track.js';
import { u64Bytes } from '../../support/bytes.js';
import type { KernelPort } from '../ports.js';
import type { HostStepPort, MmEntry, ProcessRebuild, RestoreContext } from '../rebuild-context.js';
import { rebuildMemory } from './rebuild.js';
import type { Vma } from './vma.js';

const BASE = 0x3000_0000_0000;
const PUPPET = parseMaps(`10000-11000 r-xp 00000000 00:01 5      /memfd:puppet (deleted)
7ffff7ff9000-7ffff7ffd000 r--p 00000000 00:00 0                          [vvar]
7ffff7ffd000-7ffff7fff000 r--p 00000000 00:00 0                          [vvar_vclock]
7ffff7fff000-7ffff8001000 r-xp 00000000 00:00 0                          [vdso]
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]
`);

const vma = (start: number, pages: number, rest: Partial<Vma> = {}): Vma => ({
  start,
  end: start + pages * 4096,
  pgoff: 0,
  shmid: 0n,
  prot: 3,
  flags: 0x22,
  status: 513,
  fd: -1,
  ...rest,
});

type Runs = [vaddr: number, pageCount: number, flags?: number][];

function addPagemap(
  store: MemoryStore,
  kind: typeof IMAGES.PAGEMAP | typeof IMAGES.SHMEM_PAGEMAP,
  { id, pagesId, runs }: { id: number; pagesId: number; runs: Runs },
): void {
  const writer = new PagemapWriter(kind, store.create(imageName(kind, id)), pagesId);
  for (const [vaddr, pageCount, flags = 4] of runs) writer.add({ vaddr, pageCount, flags });
  writer.finish();
}

/** The vdso of "this kernel": 8 KiB of sevens. */
const port = {
  attemptReadBytes: () =>
    new Uint8Array([...u64Bytes(33), ...u64Bytes(0x1000), ...u64Bytes(0), ...u64Bytes(0)]),
  scope: () => ({
    alloc: (length: number) => ({ address: 0, length, bytes: new Uint8Array(length).fill(7) }),
    [Symbol.dispose]: () => {},
  }),
  call: ({ name }: { name: string }) => (name === 'getpid' ? 1 : 8192),
} as unknown as KernelPort;

interface Setup {
  processes: { vpid: number; vmas: Vma[]; runs: Runs }[];
  objects?: { shmid: number; runs: Runs }[];
  /** Of each parent in turn, the pages of the only process. */
  parents?: Runs[];
  vdsoByte?: number;
  images?: ImageSet;
}

/** The store of a checkpoint with these parents. */
function storeOf({ processes, parents = [], vdsoByte = 7 }: Setup): Made {
  const [first, ...more] = parents;
  const store = memoryStore([['pages-1.img', new Uint8Array(64 * 4096).fill(vdsoByte)]]);
  if (first === undefined) return withParent(store);
  const parent = storeOf({ processes, parents: more, vdsoByte });
  addPagemap(parent, IMAGES.PAGEMAP, { id: processes[0]?.vpid ?? 0, pagesId: 1, runs: first });
  return withParent(store, () => parent);
}

function rebuild(setup: Setup) {
  const { processes, objects = [], images = new ImageSet() } = setup;
  const store = storeOf(setup);
  const plan = new Plan<HostStepPort>(BASE);
  for (const { shmid, runs } of objects) {
    addPagemap(store, IMAGES.SHMEM_PAGEMAP, { id: shmid, pagesId: 2, runs });
  }
  const built = processes.map(({ vpid, vmas, runs }) => {
    addPagemap(store, IMAGES.PAGEMAP, { id: vpid, pagesId: 1, runs });
    const task = plan.track({ name: `pid ${vpid}`, vpid, temporaryFds: 100, process: vpid });
    const mm = { vmas, mm_brk: 0x800000, mm_start_brk: 0x800000 } as unknown as MmEntry;
    const process = {
      ...{ vpid, comm: 'x', mm, track: task.track, threads: [] },
    } as unknown as ProcessRebuild;
    process.owner = ownerOfAll(process);
    return process;
  });
  rebuildMemory({
    images,
    store,
    plan,
    processes: built,
    port,
    puppetMappings: PUPPET,
    files: {
      use: (_: ProcessRebuild, id: number) => 200 + id,
      image: openImage,
      made: (id: number) => ({ maker: built[0], fd: 200 + id }),
    },
  } as unknown as RestoreContext);
  return (vpid: number, stage: Stage = 'memory'): string[] => {
    const process = built.find((one) => one.vpid === vpid);
    return (process?.track.steps ?? [])
      .filter((step) => step.stage === stage)
      .map((step) =>
        printCall(step.call, step.args as never, (value) =>
          value instanceof Value ? '$' : undefined,
        ).replaceAll('MAP_FIXED_NOREPLACE', 'NOREPLACE'),
      );
  };
}

/** 300 for the checkpoint's own page files, 301 for its parent's, and so on. */
const openImage = (_: ProcessRebuild, name: string): number => 299 + name.split('/').length;

const VVAR = vma(0x7faab5a90000, 6, { prot: 1, status: 513 | 4096, madv: 0x10000n });
const VDSO = vma(0x7faab5a96000, 2, { prot: 5, status: 513 | 8 });
const VSYSCALL = vma(0xffff_ffff_ff60_0000, 1, { prot: 4, status: 512 | 4 });

test('a small program: puppet out, mappings in, contents, protections, vdso', () => {
  const steps = rebuild({
    processes: [
      {
        vpid: 9,
        vmas: [
          vma(0x401000, 4, { prot: 5, flags: 2, status: 65, shmid: 1n, pgoff: 4096 }),
          vma(0x405000, 2, { prot: 1, flags: 2, status: 65, shmid: 1n, pgoff: 20480 }),
          vma(0x407000, 1),
          VVAR,
          VDSO,
          vma(0x7ffe158d5000, 33, { flags: 0x122 }),
          VSYSCALL,
        ],
        runs: [
          [0x405000, 3],
          [0x7faab5a96000, 2],
          [0x7ffe158f4000, 2, 6],
        ],
      },
    ],
  })(9);
  const staging = 0x3000_2000_1000;
  const at = (offset: number): string => `0x${(staging + offset).toString(16)}`;
  assert.deepEqual(steps, [
    `mremap(0x7ffff7ff9000, 0x4000, 0x4000, MREMAP_MAYMOVE|MREMAP_FIXED, ${at(0)})`,
    `mremap(0x7ffff7ffd000, 0x2000, 0x2000, MREMAP_MAYMOVE|MREMAP_FIXED, ${at(0x4000)})`,
    `mremap(0x7ffff7fff000, 0x2000, 0x2000, MREMAP_MAYMOVE|MREMAP_FIXED, ${at(0x6000)})`,
    'munmap(0x1000, 0x2ffffffff000)',
    'munmap(0x300020000000, 0x1000)',
    `munmap(${at(0x8000)}, 0x${(0x7ffffffff000 - staging - 0x8000).toString(16)})`,
    'mmap(0x401000, 0x4000, PROT_READ|PROT_EXEC, MAP_PRIVATE|NOREPLACE, 201, 0x1000)',
    'mmap(0x405000, 0x2000, PROT_READ|PROT_WRITE, MAP_PRIVATE|NOREPLACE, 201, 0x5000)',
    'mmap(0x407000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|NOREPLACE, -1, 0x0)',
    'mmap(0x7ffe158d5000, 0x21000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_GROWSDOWN|NOREPLACE, -1, 0x0)',
    'prctl(PR_SET_THP_DISABLE, 0x1, 0x0, 0x0, 0x0)',
    'preadv(300, 0x300000010000, 1, 0, 0)',
    'preadv(300, 0x300000010010, 1, 20480, 0)',
    'prctl(PR_SET_THP_DISABLE, NULL, 0x0, 0x0, 0x0)',
    'mprotect(0x405000, 0x2000, PROT_READ)',
    `mremap(${at(0)}, 0x4000, 0x4000, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7faab5a90000)`,
    `mremap(${at(0x4000)}, 0x2000, 0x2000, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7faab5a94000)`,
    `mremap(${at(0x6000)}, 0x2000, 0x2000, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7faab5a96000)`,
  ]);
});

test('advice comes before the contents, locks and names after them, seals last', () => {
  const mapping = vma(0x7f0000000000, 4, {
    flags: 0x2022,
    madv: (1n << 14n) | (1n << 12n),
    locked_on_fault: true,
    anon_name: 'arena',
    sealed: true,
  });
  const steps = rebuild({ processes: [{ vpid: 9, vmas: [mapping], runs: [[0x7f0000000000, 1]] }] });
  assert.deepEqual(
    steps(9)
      .map((line) => line.replace(/\(.*?(MADV_[A-Z]+|PR_SET_VMA|\))/, ' $1'))
      .slice(2),
    [
      'mmap  )',
      'madvise  MADV_HUGEPAGE)',
      'prctl  )',
      'preadv  )',
      'prctl  )',
      'madvise  MADV_MERGEABLE)',
      'prctl  PR_SET_VMA, NULL, 0x7f0000000000, 0x4000, 0x300000010010)',
      'mlock2  )',
    ].map((line) => line.replace('  ', ' ')),
  );
  assert.deepEqual(steps(9, 'task state'), ['mseal(0x7f0000000000, 0x4000, 0x0)']);
});

test('blocks that are saved whole may come as huge pages, the rest may not', () => {
  const mapping = vma(0x7f0000000000, 1024);
  const steps = rebuild({
    processes: [{ vpid: 9, vmas: [mapping], runs: [[0x7f0000001000, 1023]] }],
  })(9);
  assert.deepEqual(
    steps.slice(-4).map((line) => line.replace(/0x3000000100[0-9a-f]+/, 'IOV')),
    [
      'preadv(300, IOV, 1, 2093056, 0)',
      'prctl(PR_SET_THP_DISABLE, 0x1, 0x0, 0x0, 0x0)',
      'preadv(300, IOV, 1, 0, 0)',
      'prctl(PR_SET_THP_DISABLE, NULL, 0x0, 0x0, 0x0)',
    ],
  );
});

test('guard pages are made before the contents come', () => {
  const guard = vma(0x7f0000001000, 1, { prot: 0, status: 65536 });
  const steps = rebuild({
    processes: [{ vpid: 9, vmas: [vma(0x7f0000000000, 4), guard], runs: [[0x7f0000000000, 1]] }],
  })(9);
  const at = steps.indexOf('madvise(0x7f0000001000, 0x1000, MADV_GUARD_INSTALL)');
  assert.ok(at > 0 && steps[at - 1]?.startsWith('mmap(') && steps[at + 1]?.startsWith('prctl('));
});

const SHARED = { flags: 0x21, status: 257, shmid: 5n };

test('shared memory that one task maps whole is made in place; others take it from there', () => {
  const steps = rebuild({
    processes: [
      { vpid: 9, vmas: [vma(0x7f0000000000, 4, SHARED)], runs: [] },
      {
        vpid: 10,
        vmas: [vma(0x7f1000000000, 2, { ...SHARED, pgoff: 8192, prot: 1 })],
        runs: [],
      },
    ],
    objects: [{ shmid: 5, runs: [[4096, 2]] }],
  });
  assert.deepEqual(steps(9).slice(2), [
    'mmap(0x7f0000000000, 0x4000, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|NOREPLACE, -1, 0x0)',
    'preadv(300, 0x300000010000, 1, 0, 0)',
  ]);
  assert.deepEqual(steps(9, 'descriptors'), []);
  assert.deepEqual(steps(10, 'shared memory'), [
    'openat(AT_FDCWD, "/proc/9/map_files/7f0000000000-7f0000004000", O_RDWR|O_CLOEXEC, 00)',
    'fcntl(0, F_DUPFD_CLOEXEC, 0x64)',
    'close(0)',
    'mmap(0x7f1000000000, 0x2000, PROT_READ, MAP_SHARED|NOREPLACE, 100, 0x2000)',
    'close(100)',
  ]);
});

test('shared memory that nobody maps whole has a staging area, until all have mapped it', () => {
  const steps = rebuild({
    processes: [
      {
        vpid: 9,
        vmas: [vma(0x7f0000000000, 1, SHARED), vma(0x7f0000002000, 1, { ...SHARED, pgoff: 12288 })],
        runs: [],
      },
    ],
    objects: [{ shmid: 5, runs: [] }],
  });
  const [made = ''] = steps(9).slice(-1);
  const base =
    /^mmap\((0x[0-9a-f]+), 0x4000, PROT_READ\|PROT_WRITE, MAP_SHARED\|MAP_ANONYMOUS/.exec(
      made,
    )?.[1];
  assert.ok(base, made);
  assert.equal(steps(9, 'shared memory').filter((line) => line.startsWith('mmap(')).length, 2);
  assert.deepEqual(steps(9, 'descriptors'), [`munmap(${base}, 0x4000)`]);
});

test('shared anonymous memory that an image takes for a memfd is not made one', () => {
  const images = new ImageSet();
  const fown = { uid: 0, euid: 0, signum: 0, pid_type: 0, pid: 0 };
  const memfd = { id: 3, flags: 0, pos: 0n, fown, inode_id: 1 };
  images.add(IMAGES.FILES, { type: 18, id: 3, memfd });
  const inode = { uid: 0, gid: 0, size: 16384, shmid: 88664, seals: 1, mode: 0o100777 };
  images.add(IMAGES.MEMFD_INODE, { ...inode, inode_id: 1, name: '/dev/zero' });
  const mapping = vma(0x7fafbbd1c000, 4, { flags: 1, status: 1 | 128 | 16384, shmid: 3n });
  const setup = {
    processes: [{ vpid: 9, vmas: [mapping], runs: [] }],
    objects: [{ shmid: 88664, runs: [[0, 1]] as Runs }],
  };
  const steps = rebuild({ ...setup, images })(9);
  assert.match(steps.at(-2) ?? '', /^mmap\(0x7fafbbd1c000, .*MAP_SHARED\|MAP_ANONYMOUS/);
});

test('a memfd is mapped through the descriptor of the process that made it', () => {
  const images = new ImageSet();
  const fown = { uid: 0, euid: 0, signum: 0, pid_type: 0, pid: 0 };
  const memfd = { id: 3, flags: 0, pos: 0n, fown, inode_id: 1 };
  images.add(IMAGES.FILES, { type: 18, id: 3, memfd });
  const inode = { uid: 0, gid: 0, size: 16384, shmid: 88664, seals: 1, mode: 0o100777 };
  images.add(IMAGES.MEMFD_INODE, { ...inode, inode_id: 1, name: 'golden' });
  const common = { shmid: 3n, fdflags: 2 };
  const shared = { ...common, flags: 1, status: 1 | 128 | 16384 };
  const own = { ...common, flags: 2, status: 1 | 64 | 16384, prot: 1 };
  const steps = rebuild({
    processes: [
      { vpid: 8, vmas: [], runs: [] },
      {
        vpid: 9,
        vmas: [
          vma(0x407000, 1),
          vma(0x7fafbbd1c000, 4, shared),
          vma(0x7fafbbe1c000, 4, { ...own, pgoff: 4096 }),
          vma(0x7fafbbf1c000, 1, { ...shared, fdflags: 0, prot: 1 }),
        ],
        runs: [
          [0x407000, 1],
          [0x7fafbbe1d000, 1],
        ],
      },
    ],
    images,
  });
  assert.equal(steps(9).filter((line) => line.startsWith('mmap(0x7faf')).length, 0);
  const lines = steps(9, 'shared memory').map((line) =>
    line.replace(/(?<=preadv\(300, )0x[0-9a-f]+/, 'PIECES'),
  );
  assert.deepEqual(
    lines.filter((line) => !/^(fcntl|close)/.test(line)),
    [
      'openat(AT_FDCWD, "/proc/8/fd/203", O_RDWR|O_CLOEXEC, 00)',
      'mmap(0x7fafbbd1c000, 0x4000, PROT_READ|PROT_WRITE, MAP_SHARED|NOREPLACE, 100, 0x0)',
      'mmap(0x7fafbbe1c000, 0x4000, PROT_READ|PROT_WRITE, MAP_PRIVATE|NOREPLACE, 100, 0x1000)',
      'preadv(300, PIECES, 1, 4096, 0)',
      'mprotect(0x7fafbbe1c000, 0x4000, PROT_READ)',
      'openat(AT_FDCWD, "/proc/8/fd/203", O_CLOEXEC, 00)',
      'mmap(0x7fafbbf1c000, 0x1000, PROT_READ, MAP_SHARED|NOREPLACE, 101, 0x0)',
    ],
  );
});

test('a vdso of another kernel is refused', () => {
  const restore = (vvar: Vma, vdsoByte: number) => () =>
    rebuild({ processes: [{ vpid: 9, vmas: [vvar, VDSO], runs: [[VDSO.start, 2]] }], vdsoByte });
  assert.doesNotThrow(restore(VVAR, 7));
  assert.throws(restore(VVAR, 8), /Cannot handle vdso of pid 9 \(x\)/);
  assert.throws(
    restore({ ...VVAR, end: VVAR.start + 4 * 4096 }, 7),
    /the kernel's vvar is 24576 bytes long, the saved one 16384/,
  );
});

test('pages of parents are read from their page files, at any level, and only the newest', () => {
  const base = 0x7f0000000000;
  const steps = rebuild({
    processes: [
      {
        vpid: 9,
        vmas: [vma(base, 8)],
        runs: [
          [base, 1],
          [base + 0x1000, 3, 1],
          [base + 0x4000, 2],
          [base + 0x6000, 1, 1],
        ],
      },
    ],
    parents: [
      [
        [base, 2],
        [base + 0x2000, 1, 1],
        [base + 0x3000, 2],
        [base + 0x6000, 1, 1],
      ],
      [[base, 8]],
    ],
  })(9);
  assert.deepEqual(
    steps.slice(3).map((line) => line.replace(/0x3000000100[0-9a-f]+/, 'IOV')),
    [
      'prctl(PR_SET_THP_DISABLE, 0x1, 0x0, 0x0, 0x0)',
      'preadv(300, IOV, 2, 0, 0)',
      'preadv(301, IOV, 2, 4096, 0)',
      'preadv(302, IOV, 1, 8192, 0)',
      'preadv(302, IOV, 1, 24576, 0)',
      'prctl(PR_SET_THP_DISABLE, NULL, 0x0, 0x0, 0x0)',
    ],
  );
});

test('pages that no parent has are an error that names them', () => {
  const one = (parents: Runs[]) => () =>
    rebuild({
      processes: [{ vpid: 9, vmas: [vma(0x401000, 4)], runs: [[0x401000, 4, 1]] }],
      parents,
    });
  assert.throws(one([]), /page 0x401000 is said to be in the parent images/);
  assert.throws(one([[[0x401000, 3]]]), /page 0x404000 is said to be in the parent images/);
});

test('a vdso is compared also where its pages are in a parent', () => {
  const restore = (vdsoByte: number) => () =>
    rebuild({
      processes: [{ vpid: 9, vmas: [VVAR, VDSO], runs: [[VDSO.start, 2, 1]] }],
      parents: [[[VDSO.start, 2]]],
      vdsoByte,
    });
  assert.doesNotThrow(restore(7));
  assert.throws(restore(8), /Cannot handle vdso of pid 9 \(x\)/);
});

test('no more of the vdso is read than the kernel has, whatever a mapping says', () => {
  const long = { ...VDSO, end: VDSO.start + 2 ** 40 };
  const runs: Runs = [[VDSO.start, 2]];
  assert.throws(
    () => rebuild({ processes: [{ vpid: 9, vmas: [VVAR, long], runs }] }),
    /the kernel's vdso is 8192 bytes long, the saved one 1099511627776/,
  );
});

test('a program that has unmapped its vdso gets none', () => {
  const steps = rebuild({ processes: [{ vpid: 9, vmas: [vma(0x401000, 1)], runs: [] }] })(9);
  assert.deepEqual(steps.slice(0, 2), [
    'munmap(0x1000, 0x2ffffffff000)',
    'munmap(0x300020000000, 0x4fffdffff000)',
  ]);
});

test('broken images are refused: pages of no mapping, unknown flags, parent pages', () => {
  const one = (vmas: Vma[], runs: Runs) => () => rebuild({ processes: [{ vpid: 9, vmas, runs }] });
  assert.throws(one([vma(0x401000, 1)], [[0x401000, 2]]), /pages at 0x402000 are in no mapping/);
  assert.throws(one([vma(0x401000, 1, { flags: 0x822 })], []), /flags 0x800 are not known/);
  assert.throws(one([vma(0x401000, 1, { flags: 0x40022 })], []), /huge TLB/);
  assert.throws(one([vma(0x401000, 1, { madv: 1n << 4n })], []), /advice 4 is not known/);
  assert.throws(one([vma(0x401000, 1, { status: 1 })], []), /names no single kind/);
  assert.throws(one([vma(0x401000, 1)], [[0x401000, 1, 1]]), /parent image/);
});
