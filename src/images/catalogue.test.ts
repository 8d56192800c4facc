import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wireTable } from '../../test/support/golden.js';
import { IMAGES, identifyHeader, identifyImage, imageOfMagicName, magicName } from './catalogue.js';
import { frameHeader } from './framing.js';
import { IMG_COMMON_MAGIC, IMG_SERVICE_MAGIC, type Image, imageName } from './image.js';

interface WireImage {
  file: string;
  magic: string;
  message: string | null;
  entries: string;
  then?: string;
}

const SERVICE = ['STATS', 'IRMAP_CACHE'];
const all = Object.entries(IMAGES) as [string, Image][];

test('every image of the format is listed with its name, magic, message and entries', () => {
  const wire = wireTable<Record<string, WireImage>>('images');
  assert.deepEqual(Object.keys(IMAGES).sort(), Object.keys(wire).sort());
  for (const [key, image] of all) {
    const { file, magic, message, entries } = wire[key] as WireImage;
    assert.equal(image.key, key);
    assert.equal(image.pattern, file.replace('stats-dump, stats-restore', 'stats-%s'));
    assert.equal(image.magic, Number(magic));
    assert.equal(image.message?.name ?? null, message);
    const kind = message === 'pagemap_head' ? 'pagemap' : message === null ? 'raw' : entries;
    assert.equal(image.entries, kind, key);
    const prefix = SERVICE.includes(key) ? IMG_SERVICE_MAGIC : IMG_COMMON_MAGIC;
    const bare = image.magic === 0 || key === 'INVENTORY';
    assert.equal(image.prefix, bare ? undefined : prefix, key);
  }
});

test('payload is described for exactly the images that have it', () => {
  const wire = wireTable<Record<string, WireImage>>('images');
  const expected = Object.keys(wire).filter(
    (key) => wire[key]?.then && wire[key].message && wire[key].message !== 'pagemap_head',
  );
  assert.deepEqual(
    all.filter(([, image]) => image.payload).map(([key]) => key),
    expected,
  );
});

test('a file name leads to its image and back', () => {
  // PAGES_OLD is named like PAGES: the magic tells.
  for (const [key, image] of all.filter(([name]) => name !== 'PAGES_OLD')) {
    const id = image.pattern.endsWith('%s')
      ? 'restore'
      : image.pattern.includes('%')
        ? 0xab
        : undefined;
    const name = imageName(image, id);
    const found = identifyImage(name);
    assert.equal(found?.image.key, key, name);
    assert.equal(found?.id, id, name);
  }
  assert.equal(imageName(IMAGES.TCP_STREAM, 0x5d8b03), 'tcp-stream-5d8b03.img');
  assert.equal(imageName(IMAGES.STATS, 'dump'), 'stats-dump');
  assert.equal(identifyImage('pagemap-shmem-88664.img')?.image.key, 'SHMEM_PAGEMAP');
});

test('other files are no images', () => {
  for (const name of [
    'core-.img',
    'core-07.img',
    'core-x.img',
    'core-1.json',
    'dump.log',
    'parent',
    'stats-x',
    'core-99999999999999999999.img',
    'tcp-stream-AB.img',
    '',
    'core--1.img',
  ]) {
    assert.equal(identifyImage(name), undefined, name);
  }
});

test('the first bytes of a file lead to its image, and so does the name crit gives its magic', () => {
  for (const [key, image] of all.filter(([, { magic }]) => magic !== 0)) {
    const found = identifyHeader(frameHeader(image));
    assert.equal(found?.key, magicName(image), key);
    assert.equal(imageOfMagicName(magicName(image))?.key, magicName(image));
    assert.equal(found?.magic, image.magic);
  }
  assert.equal(magicName(IMAGES.SHMEM_PAGEMAP as Image), 'PAGEMAP');
  assert.equal(identifyHeader(new Uint8Array(8)), undefined);
  assert.equal(identifyHeader(new Uint8Array(3)), undefined);
  assert.equal(imageOfMagicName('toString'), undefined);
});
