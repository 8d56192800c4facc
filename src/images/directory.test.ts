import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixtureFolder } from '../../test/support/golden.js';
import { type MemoryStore, memoryStore } from '../../test/support/memory-store.js';
import { utf8 } from '../support/bytes.js';
import { CheckpointError } from '../support/errors.js';
import { IMAGES } from './catalogue.js';
import { ImageSet, readImageSet, writeImageSet } from './directory.js';
import { contentOf } from './store.js';

function fixture(set: 'loop' | 'tasks' | 'files' | 'sockets'): MemoryStore {
  const folder = fixtureFolder(set);
  const names = readdirSync(folder).filter((name) => !name.endsWith('.golden'));
  return memoryStore(
    names.map((name) => [name, Uint8Array.from(readFileSync(join(folder, name)))]),
  );
}

test('a set gives entries by image and id', () => {
  const set = readImageSet(fixture('loop'));
  assert.deepEqual(set.ids(IMAGES.CORE), [11021]);
  assert.equal(set.require(IMAGES.CORE, 11021).tc?.comm, 'loop');
  assert.equal(set.get(IMAGES.CORE, 11022), undefined);
  assert.deepEqual(
    set.many(IMAGES.FDINFO, 2).map(({ fd }) => fd),
    [0, 1, 2],
  );
  assert.deepEqual(set.many(IMAGES.FDINFO, 3), []);
  assert.equal(set.require(IMAGES.INVENTORY).img_version, 2);
  assert.equal(set.get(IMAGES.STATS, 'dump')?.dump?.pages_written, 15);
  assert.deepEqual(set.require(IMAGES.SECCOMP), { seccomp_filters: [] });
  assert.deepEqual(set.ids(IMAGES.STATS), ['dump']);
});

test('a missing image is an error that names it', () => {
  const set = new ImageSet();
  assert.throws(
    () => set.require(IMAGES.CORE, 12),
    (error) =>
      error instanceof CheckpointError &&
      error.code === 'image' &&
      error.message === 'Cannot handle core-12.img: the image is missing',
  );
});

test('what is read is written the same, the inventory last, payload included', () => {
  for (const name of ['loop', 'tasks', 'files', 'sockets'] as const) {
    const from = fixture(name);
    const to = memoryStore();
    writeImageSet(readImageSet(from), to);
    const expected = [...from.files.keys()].filter((file) => !file.startsWith('pagemap-')).sort();
    assert.deepEqual([...to.files.keys()].sort(), expected);
    for (const file of expected) assert.deepEqual(to.files.get(file), from.files.get(file), file);
    if (expected.includes('inventory.img')) assert.equal(to.finished.at(-1), 'inventory.img');
  }
});

test('an image without entries is not written; an empty entry is one', () => {
  const set = new ImageSet();
  set.put(IMAGES.SECCOMP, { seccomp_filters: [] });
  assert.deepEqual(set.many(IMAGES.FILES), []);
  const store = memoryStore();
  writeImageSet(set, store);
  assert.deepEqual(store.finished, ['seccomp.img']);
  assert.equal(store.files.get('seccomp.img')?.length, 12);
});

test('putting replaces, adding appends', () => {
  const set = new ImageSet();
  set.put(IMAGES.FS, 7, { cwd_id: 1, root_id: 2 });
  set.put(IMAGES.FS, 7, { cwd_id: 3, root_id: 2, umask: 0o22 });
  set.add(IMAGES.PSTREE, { pid: 7, ppid: 0, pgid: 7, sid: 7, threads: [7, 8] });
  set.add(IMAGES.PSTREE, { pid: 9, ppid: 7, pgid: 7, sid: 7, threads: [9] });
  assert.deepEqual(set.require(IMAGES.FS, 7), { cwd_id: 3, root_id: 2, umask: 0o22 });
  assert.deepEqual(
    set.many(IMAGES.PSTREE).map(({ pid }) => pid),
    [7, 9],
  );
  const store = memoryStore();
  writeImageSet(set, store);
  const again = readImageSet(store);
  assert.deepEqual(again.many(IMAGES.PSTREE), set.many(IMAGES.PSTREE));
});

test('payload put into a set is read back as content', () => {
  const set = new ImageSet();
  const extra = contentOf(utf8('queued'));
  const value = { pipe_id: 4, bytes: 6, size: 65536, packet_offsets: [], packet_lengths: [] };
  set.addWith(IMAGES.PIPES_DATA, { value, payload: { blocks: { extra }, records: [] } });
  const store = memoryStore();
  writeImageSet(set, store);
  const [entry] = readImageSet(store).entries(IMAGES.PIPES_DATA);
  assert.deepEqual(entry?.value, value);
  assert.deepEqual(entry?.payload?.blocks.extra?.read(), utf8('queued'));
});

test('a broken image says which file', () => {
  const store = fixture('loop');
  store.files.set('fs-11021.img', new Uint8Array(5));
  assert.throws(() => readImageSet(store), {
    message: /^Cannot handle fs-11021.img: byte 0: the common magic/,
  });
  readImageSet(store, (image) => image.key === 'FS');
});

test('other files in the folder are passed over', () => {
  const store = fixture('loop');
  store.files.set('dump.log', utf8('text'));
  store.files.set('ifaddr-2.img', utf8('raw'));
  assert.equal(readImageSet(store).ids(IMAGES.CORE).length, 1);
});
