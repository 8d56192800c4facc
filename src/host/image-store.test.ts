import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { IMAGES, identifyImage } from '../images/catalogue.js';
import { ImageSet, readImageSet, writeImageSet } from '../images/directory.js';
import { imageName } from '../images/image.js';
import { parentChain } from '../images/parents.js';
import type { ImageStore } from '../images/store.js';
import { EIO } from '../linux/errno.js';
import { utf8 } from '../support/bytes.js';
import { CheckpointError } from '../support/errors.js';
import { Host } from './host.js';
import { HostImageStore } from './image-store.js';

const folder = mkdtempSync(join(tmpdir(), 'image-store-'));
after(() => rmSync(folder, { recursive: true }));
const host = new Host();

function fresh(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

const storeAt = (path: string, sync = false): HostImageStore =>
  new HostImageStore(host, path, { sync });

/** Descriptors of ours that lead below a path. */
const descriptorsBelow = (path: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(path) ? [target] : [];
    } catch {
      return [];
    }
  });

test('images are written whole, private, and read in parts', () => {
  const path = fresh('whole');
  const store = storeAt(path);
  const writer = store.create('core-1.img');
  const large = new Uint8Array(3_000_000).map((_, at) => at % 251);
  writer.write(utf8('head'));
  writer.write(large);
  writer.write(utf8('tail'));
  assert.equal(writer.position, 3_000_008);
  writer.finish();
  writer.close();
  assert.equal(statSync(join(path, 'core-1.img')).mode & 0o7777, 0o600);
  const reader = store.open('core-1.img');
  assert.equal(reader?.size, 3_000_008);
  assert.deepEqual(reader.read(3_000_004, 4), utf8('tail'));
  assert.deepEqual(reader.read(4, 3_000_000), large);
  assert.deepEqual(reader.read(7, 0), new Uint8Array(0));
  reader.close();
  reader.close();
  assert.deepEqual(store.list(), ['core-1.img']);
  assert.equal(store.open('core-2.img'), undefined);
  store[Symbol.dispose]();
  assert.deepEqual(descriptorsBelow(path), []);
});

test('it is an image store: a set of images goes through it', () => {
  const store: ImageStore = storeAt(fresh('set'));
  const set = new ImageSet();
  set.put(IMAGES.FS, 7, { cwd_id: 1, root_id: 2, umask: 0o22 });
  writeImageSet(set, store);
  assert.deepEqual(readImageSet(store).get(IMAGES.FS, 7), { cwd_id: 1, root_id: 2, umask: 0o22 });
});

test('small writes are gathered into few calls', () => {
  const calls: string[] = [];
  const counting = new Host({
    before: (name) => {
      calls.push(name);
      return 0;
    },
  });
  const store = new HostImageStore(counting, fresh('gathered'), { sync: false });
  const writer = store.create('pagemap-1.img');
  for (let i = 0; i < 10_000; i++) writer.write(utf8('0123456789'));
  writer.finish();
  assert.deepEqual(calls, ['openat', 'openat', 'pwrite64', 'pwrite64', 'close']);
});

test('the folder is the one that was opened, whatever its path becomes', () => {
  const path = fresh('before');
  const store = storeAt(path);
  renameSync(path, join(folder, 'after'));
  const writer = store.create('pages-1.img');
  writer.write(utf8('abc'));
  writer.finish();
  assert.equal(readFileSync(join(folder, 'after/pages-1.img'), 'utf8'), 'abc');
  assert.deepEqual(store.list(), ['pages-1.img']);
});

test('others may append through the descriptor', () => {
  const path = fresh('append');
  const writer = storeAt(path).create('pages-1.img');
  writer.write(utf8('ours '));
  const { fd, position } = writer;
  writer.advance(writeSync(fd, utf8('theirs '), 0, 7, position));
  writer.write(utf8('ours'));
  assert.equal(writer.position, 16);
  writer.finish();
  assert.equal(readFileSync(join(path, 'pages-1.img'), 'utf8'), 'ours theirs ours');
});

test('a failed dump takes away what it created, and only that', () => {
  const path = fresh('undo');
  writeFileSync(join(path, 'notes.txt'), 'keep');
  const store = storeAt(path);
  store.create('core-1.img').finish();
  store.create('core-2.img').close();
  store.create(imageName(IMAGES.INVENTORY, undefined)).finish();
  assert.deepEqual(store.created, ['core-1.img', 'core-2.img', 'inventory.img']);
  rmSync(join(path, 'core-1.img'));
  store.discard();
  assert.deepEqual(store.list(), ['notes.txt']);
  assert.deepEqual(store.created, []);
});

test('an earlier checkpoint goes before the first image is written', () => {
  const path = fresh('begin');
  for (const name of ['inventory.img', 'pipes-data.img', 'notes.txt']) {
    writeFileSync(join(path, name), 'old');
  }
  const store = storeAt(path);
  store.begin();
  assert.deepEqual(store.list().sort(), ['notes.txt', 'pipes-data.img']);
  store.begin((name) => identifyImage(name) !== undefined);
  assert.deepEqual(store.list(), ['notes.txt']);
});

test('images are durable in the order in which they count: inventory and folder last', () => {
  const path = fresh('durable');
  const calls: string[] = [];
  const store = new HostImageStore(host, path, { sync: true });
  host.trace = (line) => {
    if (/^(openat|fsync|close)/.test(line)) calls.push(line.replace(/\(.*/, ''));
  };
  store.create('core-1.img').finish();
  store.create('mm-1.img').finish();
  store.create('inventory.img').finish();
  store.sync();
  host.trace = undefined;
  const files = ['fsync', 'fsync', 'close', 'close', 'fsync'];
  const inventory = ['openat', 'fsync', 'close', 'fsync'];
  assert.deepEqual(calls, ['openat', 'openat', ...files, ...inventory]);
  store[Symbol.dispose]();
  assert.deepEqual(descriptorsBelow(path), []);
});

test('many durable images need few descriptors', () => {
  const path = fresh('many');
  const store = storeAt(path, true);
  for (let i = 0; i < 300; i++) store.create(`fs-${i}.img`).finish();
  assert.ok(descriptorsBelow(path).length < 150);
  store.sync();
  assert.equal(descriptorsBelow(path).length, 1);
  store[Symbol.dispose]();
});

test('a lent descriptor stays open until the store is disposed of', () => {
  const path = fresh('lent');
  writeFileSync(join(path, 'pages-1.img'), 'abc');
  const store = storeAt(path);
  const fd = store.fdOf('pages-1.img');
  assert.equal(store.fdOf('pages-1.img'), fd);
  assert.equal(readlinkSync(`/proc/self/fd/${fd}`), join(path, 'pages-1.img'));
  assert.throws(() => store.fdOf('pages-2.img'), { code: 'image', what: 'the image is missing' });
  store[Symbol.dispose]();
  assert.deepEqual(descriptorsBelow(path), []);
});

test('failures name file, call and errno, and say what to do', () => {
  const missing = join(folder, 'missing');
  assert.throws(() => storeAt(missing), {
    code: 'refused',
    errno: 'ENOENT',
    message: `Cannot handle ${missing}: openat: ENOENT`,
    remedy: 'create the folder, or name another by --images-dir',
  });
});

/** Writes a checkpoint of two images with the n-th call failing; the error, and what is left in the folder. */
function writeFailing(path: string, nth: number): { error: unknown; left: string[] } {
  let count = 0;
  const failing = new Host({ before: () => (++count === nth ? EIO : 0) });
  let store: HostImageStore | undefined;
  let error: unknown;
  try {
    store = new HostImageStore(failing, path, { sync: true });
    store.begin();
    for (const name of ['core-1.img', 'inventory.img']) {
      const writer = store.create(name);
      writer.write(utf8('content'));
      writer.finish();
    }
    store.sync();
  } catch (thrown) {
    error = thrown;
    store?.discard();
  }
  store?.[Symbol.dispose]();
  return { error, left: readdirSync(path) };
}

test('every call that fails is an error, and then nothing is left', () => {
  const path = fresh('every');
  let nth = 1;
  for (; nth < 100; nth++) {
    const { error, left } = writeFailing(path, nth);
    if (error === undefined) break;
    assert.ok(error instanceof CheckpointError, `call ${nth}: ${error}`);
    assert.match(error.message, new RegExp(`^Cannot handle ${path}.*: [a-z0-9]+: EIO$`));
    assert.deepEqual(left, [], `call ${nth}`);
  }
  // open folder, unlink, 2 x (open, write, fsync, close), 2 x fsync of the folder; then closing the folder.
  assert.equal(nth, 13);
});

const asRoot = {
  skip: process.getuid?.() === 0 ? false : 'mounting a small file system needs root',
};

test('a full disk is an error when the image is finished', asRoot, () => {
  const path = fresh('full');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'none', path]);
  try {
    const store = storeAt(path);
    const writer = store.create('core-1.img');
    writer.write(new Uint8Array(40_000));
    assert.throws(() => writer.finish(), {
      code: 'refused',
      errno: 'ENOSPC',
      syscall: 'pwrite64',
      remedy: /^No space left: /,
    });
    writer.close();
    store.discard();
    assert.deepEqual(readdirSync(path), []);
    store[Symbol.dispose]();
  } finally {
    execFileSync('umount', [path]);
  }
});

test('what is no regular file is not read, and nothing is written through a link or to a FIFO', () => {
  const path = fresh('odd');
  execFileSync('mkfifo', [join(path, 'core-1.img')]);
  const store = storeAt(path);
  assert.throws(() => store.open('core-1.img'), {
    code: 'image',
    what: 'the image is not a regular file',
  });
  assert.throws(() => store.create('core-1.img'), { code: 'refused', errno: 'ENXIO' });
  writeFileSync(join(folder, 'victim'), 'keep');
  symlinkSync(join(folder, 'victim'), join(path, 'core-2.img'));
  assert.throws(() => store.create('core-2.img'), { code: 'refused', errno: 'ELOOP' });
  assert.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'keep');
});

test('an image that shrinks while it is read is an image error', () => {
  const path = fresh('shrink');
  const store = storeAt(path);
  const writer = store.create('core-1.img');
  writer.write(utf8('12345678'));
  writer.finish();
  const reader = store.open('core-1.img');
  truncateSync(join(path, 'core-1.img'), 4);
  assert.throws(() => reader?.read(0, 8), {
    code: 'image',
    what: 'the image ends at byte 4, not 8',
  });
  reader?.close();
});

test('parents are followed from the folder that was opened, and closed with it', () => {
  const [child, middle, oldest] = ['chain-0', 'chain-1', 'chain-2'].map(fresh) as [
    string,
    string,
    string,
  ];
  symlinkSync('../chain-1', join(child, 'parent'));
  symlinkSync(oldest, join(middle, 'parent'));
  writeFileSync(join(oldest, 'pages-7.img'), 'x'.repeat(4096));
  const store = storeAt(child);
  const chain = parentChain(store);
  assert.deepEqual(
    chain.map((level) => level.identity()),
    [child, middle, oldest].map((path) => {
      const { dev, ino } = statSync(path, { bigint: true });
      return `${dev}:${ino}`;
    }),
  );
  assert.equal(chain[2]?.name, join(child, 'parent/parent'));
  assert.equal(chain[2]?.open('pages-7.img')?.size, 4096);
  const fd = store.fdOf('parent/parent/pages-7.img');
  assert.equal(readlinkSync(`/proc/self/fd/${fd}`), join(oldest, 'pages-7.img'));
  assert.throws(() => store.fdOf('parent/pages-7.img'), /the image is missing/);
  store[Symbol.dispose]();
  assert.equal(descriptorsBelow(child).length + descriptorsBelow(middle).length, 0);
});

test('a parent link that leads nowhere, to a file or in a circle is an image error', () => {
  const path = fresh('lost');
  const link = join(path, 'parent');
  const opened = (): number => {
    const store = storeAt(path);
    try {
      return parentChain(store).length;
    } finally {
      store[Symbol.dispose]();
    }
  };
  assert.equal(opened(), 1);
  symlinkSync('/nonexistent/folder', link);
  assert.throws(opened, /leads to no folder/);
  rmSync(link);
  writeFileSync(link, 'a file');
  assert.throws(opened, /leads to no folder/);
  rmSync(link);
  symlinkSync('.', link);
  assert.throws(opened, /make a circle/);
  rmSync(link);
  symlinkSync('parent', link);
  assert.throws(opened, (error) => error instanceof CheckpointError && error.errno === 'ELOOP');
});
