import assert from 'node:assert/strict';
import { test } from 'node:test';
import { level, type Made, PAGE, type Run, withParent } from '../../test/support/chain.js';
import { memoryStore } from '../../test/support/memory-store.js';
import { IMAGES } from './catalogue.js';
import { PE_LAZY, PE_PARENT, PE_PRESENT } from './pagemap.js';
import { PageReader, parentChain, resolvePages, supersededPages } from './parents.js';

const at = (...runs: readonly [number, number, number][]): Run[] =>
  runs.map(([page, count, flags]) => [page * PAGE, count, flags]);

/** Three levels, oldest first. */
function three(): Made {
  const a = level(at([16, 8, PE_PRESENT], [48, 4, PE_PRESENT], [80, 4, PE_PRESENT]), { fill: 0 });
  const b = level(
    at(
      [16, 2, PE_PRESENT],
      [18, 2, PE_PARENT],
      [20, 4, PE_PRESENT],
      [48, 4, PE_PARENT],
      [96, 2, PE_PRESENT],
    ),
    { fill: 100, parent: a },
  );
  return level(
    at(
      [16, 1, PE_PARENT],
      [17, 2, PE_PRESENT],
      [19, 2, PE_PARENT],
      [48, 2, PE_PRESENT],
      [50, 2, PE_PARENT],
      [96, 1, PE_PRESENT | PE_LAZY],
      [120, 3, PE_LAZY],
    ),
    { fill: 200, parent: b },
  );
}

test('a page resolves through any number of levels', () => {
  const chain = parentChain(three());
  assert.equal(chain.length, 3);
  const runs = [...resolvePages(chain, IMAGES.PAGEMAP, 1)].map(({ vaddr, pageCount, place }) => [
    vaddr / PAGE,
    pageCount,
    place && [place.level, place.offset / PAGE],
  ]);
  assert.deepEqual(runs, [
    [16, 1, [1, 0]],
    [17, 2, [0, 0]],
    [19, 1, [2, 3]],
    [20, 1, [1, 2]],
    [48, 2, [0, 2]],
    [50, 2, [2, 10]],
    [96, 1, [0, 4]],
    [120, 3, undefined],
  ]);
});

test('pages are read by address, whole or in part, across runs and levels', () => {
  const pages = new PageReader(parentChain(three()), IMAGES.PAGEMAP, 1);
  const bytes = new Uint8Array(5 * PAGE);
  assert.equal(pages.readInto(bytes, 16 * PAGE), true);
  const firsts = Array.from({ length: 5 }, (_, i) => bytes[i * PAGE]);
  assert.deepEqual(firsts, [116, 217, 218, 19, 120]);
  const few = new Uint8Array(20);
  assert.equal(pages.readInto(few, 17 * PAGE - 10), true);
  assert.deepEqual([few[9], few[10]], [116, 217]);
  assert.equal(pages.readInto(few, 21 * PAGE - 10), false);
  assert.deepEqual([few[9], few[10]], [120, 0]);
  assert.equal(pages.readInto(few, 120 * PAGE), false);
  assert.equal(pages.readInto(few, 1000 * PAGE), false);
  pages.close();
});

test('dedup finds what later images supersede, at every level that has the page', () => {
  const found = [...supersededPages(parentChain(three()), IMAGES.PAGEMAP, 1)];
  const pages = found.map(({ level: index, offset, length }) => [
    index,
    offset / PAGE,
    length / PAGE,
  ]);
  assert.deepEqual(pages, [
    [1, 1, 1],
    [2, 1, 1],
    [2, 2, 1],
    [2, 8, 2],
    [1, 6, 1],
  ]);
});

test('a level that does not know the pages ends the search for superseded ones', () => {
  const a = level(at([16, 8, PE_PRESENT]), { fill: 0 });
  const b = level(at([90, 1, PE_PRESENT]), { fill: 1, parent: a });
  const c = level(at([16, 8, PE_PRESENT]), { fill: 2, parent: b });
  assert.deepEqual([...supersededPages(parentChain(c), IMAGES.PAGEMAP, 1)], []);
});

test('a page that no parent has is named', () => {
  const a = level(at([16, 1, PE_PRESENT], [18, 1, PE_PRESENT]), { fill: 0 });
  const b = level(at([16, 3, PE_PARENT]), { fill: 1, parent: a });
  assert.throws(() => [...resolvePages(parentChain(b), IMAGES.PAGEMAP, 1)], {
    code: 'image',
    message: /pagemap-1\.img: page 0x11000 is said to be in the parent/,
  });
  const alone = withParent(b);
  assert.throws(() => [...resolvePages(parentChain(alone), IMAGES.PAGEMAP, 1)], /page 0x10000/);
});

test('links in a circle and endless ones are refused, a page file that is too short too', () => {
  const first: Made = withParent(memoryStore(), () => second);
  const second: Made = withParent(memoryStore(), () => first);
  assert.throws(() => parentChain(first), { code: 'image', message: /circle/ });
  const endless = (): Made => withParent(memoryStore(), endless);
  assert.throws(() => parentChain(endless()), { code: 'image', message: /more than 1024 levels/ });
  const cut = level(at([16, 2, PE_PRESENT]), { fill: 0 });
  cut.files.set('pages-7.img', new Uint8Array(PAGE));
  const pages = new PageReader([cut], IMAGES.PAGEMAP, 1);
  assert.throws(() => pages.readInto(new Uint8Array(1), 17 * PAGE), {
    code: 'image',
    message: /pages-7\.img: byte 4096/,
  });
});
