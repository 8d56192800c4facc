import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenImages } from '../../test/support/golden.js';
import { memoryStore, readerOf } from '../../test/support/memory-store.js';
import { concat, viewOf } from '../support/bytes.js';
import { CheckpointError } from '../support/errors.js';
import { IMAGES } from './catalogue.js';
import { encode } from './codec.js';
import { frameHeader } from './framing.js';
import type { Image } from './image.js';
import { pagemap_entry, pagemap_head } from './messages/pagemap.js';
import {
  PagemapWriter,
  type PageRun,
  PE_LAZY,
  PE_PARENT,
  PE_PRESENT,
  readPagemap,
  type StoredRun,
} from './pagemap.js';
import type { MessageValue } from './schema.js';

function written(pagesId: number, runs: Iterable<PageRun>): Uint8Array {
  const store = memoryStore();
  const writer = new PagemapWriter(IMAGES.PAGEMAP, store.create('pagemap-1.img'), pagesId);
  for (const run of runs) writer.add(run);
  writer.finish();
  return store.files.get('pagemap-1.img') as Uint8Array;
}

const runsOf = (bytes: Uint8Array): StoredRun[] => [
  ...readPagemap(IMAGES.PAGEMAP, readerOf(bytes), 'pagemap-1.img').runs,
];

function framed(messages: Uint8Array[]): Uint8Array {
  const parts = messages.flatMap((bytes) => {
    const length = new Uint8Array(4);
    viewOf(length).setUint32(0, bytes.length, true);
    return [length, bytes];
  });
  return concat([frameHeader(IMAGES.PAGEMAP as Image), ...parts]);
}

const entries = (...values: MessageValue<typeof pagemap_entry>[]): Uint8Array =>
  framed([encode(pagemap_head, { pages_id: 1 }), ...values.map((v) => encode(pagemap_entry, v))]);

test('captured pagemaps read and write byte for byte', () => {
  const pagemaps = goldenImages().filter(({ name }) => name.startsWith('pagemap-'));
  assert.ok(pagemaps.length >= 4);
  for (const { name, bytes } of pagemaps) {
    const { pagesId, runs } = readPagemap(IMAGES.PAGEMAP, readerOf(bytes), name);
    assert.deepEqual(written(pagesId, runs), bytes, name);
  }
});

test('runs know where their pages are; only present ones take room', () => {
  const runs: PageRun[] = [
    { vaddr: 0x1000, pageCount: 2, flags: PE_PRESENT },
    { vaddr: 0x3000, pageCount: 1000, flags: PE_PARENT },
    { vaddr: 0x7fff_0000_0000, pageCount: 3, flags: PE_LAZY | PE_PRESENT },
    { vaddr: 0x7fff_1000_0000, pageCount: 1, flags: PE_LAZY },
    { vaddr: 0xffff_ffff_ff60_0000, pageCount: 1, flags: PE_PRESENT },
  ];
  const stored = runsOf(written(7, runs));
  assert.deepEqual(
    stored.map(({ pagesOffset }) => pagesOffset),
    [0, undefined, 0x2000, undefined, 0x5000],
  );
  assert.deepEqual(
    stored.map(({ pagesOffset: _, ...run }) => run),
    runs,
  );
});

test('old pagemaps without flags or 64-bit counts read', () => {
  const bytes = entries(
    { vaddr: 0x1000, compat_nr_pages: 2 },
    { vaddr: 0x3000, compat_nr_pages: 1, in_parent: true },
    { vaddr: 0x5000, compat_nr_pages: 9, nr_pages: 1, flags: PE_PRESENT },
  );
  assert.deepEqual(runsOf(bytes), [
    { vaddr: 0x1000, pageCount: 2, flags: PE_PRESENT, pagesOffset: 0 },
    { vaddr: 0x3000, pageCount: 1, flags: PE_PARENT, pagesOffset: undefined },
    { vaddr: 0x5000, pageCount: 1, flags: PE_PRESENT, pagesOffset: 0x2000 },
  ]);
});

test('runs that cannot be are image errors', () => {
  const run = { compat_nr_pages: 0, flags: PE_PRESENT, nr_pages: 1 };
  for (const [pattern, bytes] of [
    [/entry 1, byte \d+: .* does not begin at a page/, entries({ ...run, vaddr: 0x1001 })],
    [/has no pages/, entries({ ...run, vaddr: 0x1000, nr_pages: 0 })],
    [/exceeds the address space/, entries({ ...run, vaddr: 0xffff_ffff_ffff_f000, nr_pages: 2 })],
    [
      /entry 2, byte \d+: .* begins before 0x2000/,
      entries({ ...run, vaddr: 0x1000 }, { ...run, vaddr: 0x1000 }),
    ],
    [/both present and in the parent/, entries({ ...run, vaddr: 0x1000, flags: 5 })],
    [
      /pagemap_entry.vaddr: a required field is missing/,
      framed([Uint8Array.from([8, 1]), Uint8Array.from([16, 1])]),
    ],
    [/pagemap_head.pages_id/, framed([Uint8Array.from([])])],
    [/the length of the head needs 4 bytes, 0 follow/, framed([])],
  ] as [RegExp, Uint8Array][]) {
    assert.throws(
      () => runsOf(bytes),
      (error) =>
        error instanceof CheckpointError && error.code === 'image' && pattern.test(error.what),
      String(pattern),
    );
  }
});

test('runs out of order are a bug when written', () => {
  const run = { vaddr: 0x2000, pageCount: 1, flags: PE_PRESENT };
  assert.throws(() => written(1, [run, run]), { code: 'bug' });
});

test('a hundred thousand runs stream', () => {
  const runs = Array.from({ length: 100_000 }, (_, i) => ({
    vaddr: 0x7f00_0000_0000 + i * 0x2000,
    pageCount: 1,
    flags: PE_PRESENT,
  }));
  const stored = runsOf(written(1, runs));
  assert.equal(stored.length, runs.length);
  assert.equal(stored.at(-1)?.pagesOffset, 99_999 * 4096);
});
