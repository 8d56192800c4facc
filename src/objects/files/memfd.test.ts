import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withParent } from '../../../test/support/chain.js';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { fixtureImages } from '../../../test/support/golden-images.js';
import { memoryStore } from '../../../test/support/memory-store.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { imageName } from '../../images/image.js';
import { PagemapWriter } from '../../images/pagemap.js';
import { parseMaps } from '../../linux/procfs/maps.js';
import { memfd } from './memfd.js';
import { type MemfdSeen, mappedMemfdKey, memfdKey } from './memfd-inodes.js';
import { FileRegistry, noOwner } from './registry.js';

const golden = fixtureImages('files');
const stat = { dev: 1n, ino: 88663n, size: 8192, mode: 0o100777, uid: 0, gid: 0 };
const seen = { name: 'golden', stat, seals: 4, link: '/proc/10/fd/3' } as MemfdSeen;

test('a memfd gets the entries that CRIU gave it, field by field', () => {
  const registry = new FileRegistry();
  const description = descriptionOf('/memfd:golden (deleted)', { flags: '0100002', stat });
  const entry = entryOf(memfd, { description, seen, ids: registry }) as object;
  const saved = golden.many(IMAGES.FILES).find(({ id }) => id === 17)?.memfd;
  assert.deepEqual({ ...entry, id: 17, inode_id: 2 }, saved);
  const inode = golden.many(IMAGES.MEMFD_INODE).find(({ name }) => name === 'golden');
  assert.deepEqual(registry.memfds.entries(), [{ ...inode, inode_id: 1 }]);
  const segment = { shmid: 88663n, size: 8192, link: seen.link };
  assert.deepEqual(registry.memfds.segments(), [segment]);
});

test('descriptors and mappings of one memfd share an inode; all its mappings share a file', () => {
  const line = '7f0000000000-7f0000002000 rw-s 00000000 00:01 88663    /memfd:golden (deleted)\n';
  const [mapping] = parseMaps(line + line.replaceAll('7f0', '7f1'));
  assert.ok(mapping);
  assert.equal(mappedMemfdKey(mapping), memfdKey(stat));
  const registry = new FileRegistry(new Map(), new Map([[memfdKey(stat), seen]]));
  assert.equal(registry.memfdInode({ ...seen, link: '/proc/11/fd/9' }), 1);
  assert.equal(registry.mapped(mapping), registry.mapped({ ...mapping, start: 0 }));
  assert.equal(registry.memfds.entries().length, 1);
  const entry = { id: 1, flags: 0, pos: 0n, fown: noOwner(), inode_id: 1 };
  assert.deepEqual(registry.entries, [{ type: 18, id: 1, memfd: entry }]);
});

const inode = { name: 'm', uid: 5, gid: 6, size: 5000, shmid: 7, inode_id: 1, mode: 0o100640 };

function restored(seals: number, size = inode.size, more: object = {}): string[] {
  const images = new ImageSet();
  images.add(IMAGES.MEMFD_INODE, { ...inode, ...more, seals, size });
  const store = withParent(memoryStore());
  const pagemap = imageName(IMAGES.SHMEM_PAGEMAP, 7);
  const writer = new PagemapWriter(IMAGES.SHMEM_PAGEMAP, store.create(pagemap), 2);
  writer.add({ vaddr: 4096, pageCount: 1, flags: 4 });
  writer.finish();
  const entry = { id: 1, flags: 0o102000, pos: 9n, fown: noOwner(), inode_id: 1 };
  const image = (_: unknown, name: string): number => {
    assert.equal(name, 'pages-2.img');
    return 60;
  };
  const context = { images, store, plan: { base: 2 ** 32 }, puppetMappings: [] };
  const steps = stepsOf(memfd, entry, { context, files: { image } });
  return steps.filter((step) => !/F_DUPFD|close/.test(step));
}

test('content comes page by page, then the size, the owner, the mode, the seals', () => {
  assert.deepEqual(
    restored(7).map((step) => step.replace(/0x3000[0-9a-f]+|0x1000[0-9a-f]+/, 'OFFSET')),
    [
      'make: memfd_create("m", 0x2) = 0',
      'make: lseek(41, 4096, SEEK_SET) = 4096',
      'make: sendfile(41, 60, OFFSET, 4096) = 4096',
      'make: ftruncate(41, 5000)',
      'make: fchown(41, 5, 6)',
      'make: fchmod(41, 0640)',
      'make: fcntl(41, F_ADD_SEALS, 0x7)',
      'make: openat(AT_FDCWD, "/proc/self/fd/41", O_NOCTTY|O_APPEND|O_LARGEFILE|O_CLOEXEC, 00) = 0',
      'make: lseek(42, 9, SEEK_SET) = 9',
    ],
  );
});

test('a seal against writing in future comes when what was mapped before is mapped', () => {
  const seals = restored(0x17).filter((step) => step.includes('SEALS'));
  assert.deepEqual(seals, [
    'make: fcntl(41, F_ADD_SEALS, 0x6)',
    'fill: fcntl(41, F_ADD_SEALS, 0x11)',
  ]);
});

test('huge pages are filled through a mapping, after the size', () => {
  const steps = restored(7, 2 ** 22, { hugetlb_flag: 0x5400_0004 });
  assert.deepEqual(
    steps.slice(0, 6).map((step) => step.replace(/(?<=preadv\(60, )0x[0-9a-f]+/, 'PIECES')),
    [
      'make: memfd_create("m", 0x54000006) = 0',
      'make: ftruncate(41, 4194304)',
      'make: mmap(0x300000000000, 0x400000, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED_NOREPLACE, 41, 0x0) = 52776558133248',
      'make: preadv(60, PIECES, 1, 0, 0) = 4096',
      'make: munmap(0x300000000000, 0x400000)',
      'make: fchown(41, 5, 6)',
    ],
  );
  assert.throws(() => restored(7, 4096, { hugetlb_flag: 3 }), /hugetlb_flag 0x3 is not known/);
});

test('a memfd of huge pages gets the flag that CRIU gave it', () => {
  const registry = new FileRegistry();
  registry.memfdInode({ ...seen, hugetlb: 0x5400_0004 });
  assert.equal(registry.memfds.entries()[0]?.hugetlb_flag, 1409286148);
});

test('an empty memfd has no pages to look for', () => {
  const steps = restored(1, 0).slice(0, 2);
  assert.deepEqual(steps, ['make: memfd_create("m", 0x2) = 0', 'make: fchown(41, 5, 6)']);
});
