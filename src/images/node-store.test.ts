import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
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
import { utf8 } from '../support/bytes.js';
import { NodeImageStore } from './node-store.js';

const folder = mkdtempSync(join(tmpdir(), 'images-'));
after(() => rmSync(folder, { recursive: true }));
const fresh = (name: string): string => {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
};

test('images are written whole, private, and read in parts', () => {
  const path = fresh('whole');
  const store = new NodeImageStore(path, { sync: true });
  const writer = store.create('core-1.img');
  const large = new Uint8Array(100_000).fill(7);
  writer.write(utf8('head'));
  writer.write(large);
  writer.write(utf8('tail'));
  assert.equal(writer.position, 100_008);
  writer.finish();
  writer.close();
  store.syncFolder();
  assert.equal(statSync(join(path, 'core-1.img')).mode & 0o7777, 0o600);
  const reader = store.open('core-1.img');
  assert.equal(reader?.size, 100_008);
  assert.deepEqual(reader.read(100_004, 4), utf8('tail'));
  assert.deepEqual(reader.read(4, 100_000), large);
  reader.close();
  reader.close();
  assert.deepEqual(store.list(), ['core-1.img']);
  assert.equal(store.open('core-2.img'), undefined);
});

test('a folder given as a descriptor is used whatever its path', () => {
  const path = fresh('descriptor');
  const fd = openSync(path, 'r');
  const store = new NodeImageStore(fd);
  const writer = store.create('pages-1.img');
  writer.write(utf8('abc'));
  writer.finish();
  assert.equal(readFileSync(join(path, 'pages-1.img'), 'utf8'), 'abc');
  assert.deepEqual(store.list(), ['pages-1.img']);
  closeSync(fd);
});

test('another writer may append through the descriptor', () => {
  const path = fresh('append');
  const writer = new NodeImageStore(path).create('pages-1.img');
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
  writeFileSync(join(path, 'inventory.img'), 'old');
  const store = new NodeImageStore(path);
  store.removeCreated();
  assert.ok(existsSync(join(path, 'inventory.img')));
  store.removeInventory();
  store.removeInventory();
  assert.ok(!existsSync(join(path, 'inventory.img')));
  store.create('core-1.img').finish();
  store.create('core-2.img').close();
  store.create('inventory.img').finish();
  store.removeCreated();
  assert.deepEqual(store.list(), ['notes.txt']);
});

test('failures name file, call and errno, and say what to do', () => {
  const missing = new NodeImageStore(join(folder, 'missing'));
  assert.throws(() => missing.create('a.img'), {
    code: 'refused',
    errno: 'ENOENT',
    message: `Cannot handle ${join(folder, 'missing')}/a.img: open: ENOENT`,
    remedy: 'create the folder, or name another by --images-dir',
  });
  assert.throws(() => missing.list(), { code: 'refused', errno: 'ENOENT', syscall: 'readdir' });
});

const asRoot = {
  skip: process.getuid?.() === 0 ? false : 'mounting a small file system needs root',
};

test('a full disk is an error when the image is finished', asRoot, () => {
  const path = fresh('full');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'none', path]);
  try {
    const writer = new NodeImageStore(path).create('core-1.img');
    writer.write(new Uint8Array(40_000));
    assert.throws(() => writer.finish(), { code: 'refused', errno: 'ENOSPC', syscall: 'write' });
    writer.close();
  } finally {
    execFileSync('umount', [path]);
  }
});

test('what is no regular file is not read, and nothing is written through a link', () => {
  const path = fresh('odd');
  execFileSync('mkfifo', [join(path, 'core-1.img')]);
  const store = new NodeImageStore(path);
  assert.throws(() => store.open('core-1.img'), {
    code: 'image',
    what: 'the image is not a regular file',
  });
  writeFileSync(join(folder, 'victim'), 'keep');
  symlinkSync(join(folder, 'victim'), join(path, 'core-2.img'));
  assert.throws(() => store.create('core-2.img'), { code: 'refused', errno: 'ELOOP' });
  assert.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'keep');
});

test('an image that shrinks while it is read is an image error', () => {
  const path = fresh('shrink');
  const store = new NodeImageStore(path);
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
