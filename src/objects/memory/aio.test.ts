import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspectState, subject } from '../../../test/support/task-states.js';
import { parseMaps } from '../../linux/procfs/maps.js';
import { aioContexts } from './aio.js';
import { isWholeRing, requestsOf, ringLengthFor } from './aio-ring.js';

const LINES =
  '7f0000000000-7f0000001000 rw-s 00000000 00:10 1 /[aio] (deleted)\n' +
  '7f0000100000-7f000012f000 rw-s 00000000 00:10 2 /[aio] (deleted)\n' +
  '7f0000200000-7f0000201000 rw-s 00000000 00:10 2 /dir/[aio] (deleted)\n';
const header = { compat_features: 1, incompat_features: 0, header_length: 32, id: 0 };
const ring = { ...header, nr: 127, head: 124, tail: 3, magic: 0xa10a10a1 };
const rings = [ring, { ...ring, nr: 6015 }];

const inspected = (seen: object[]): unknown =>
  inspectState(
    { ...aioContexts, observe: () => seen },
    subject({}, { mappings: parseMaps(LINES) }),
  );

test('rings get the entries that CRIU gave them', () => {
  assert.deepEqual(inspected(rings), {
    mm: {
      aios: [
        { id: 0x7f0000000000, nr_req: 62, ring_len: 4096 },
        { id: 0x7f0000100000, nr_req: 3006, ring_len: 192512 },
      ],
    },
  });
});

test('a ring in parts is refused', () => {
  assert.throws(() => inspected([ring, ring]), /not a whole ring/);
});

test('io_setup makes a ring of the same length for as many requests as fit', () => {
  for (let length = 4096; length < 4096 * 100; length += 4096) {
    assert.equal(ringLengthFor(requestsOf(length), 1), length);
    assert.ok(ringLengthFor(requestsOf(length) + 1, 1) > length);
  }
  assert.equal(ringLengthFor(16, 2), 4096);
  assert.equal(ringLengthFor(62, 16), 8192);
});

test('a header that points outside its ring is none', () => {
  assert.equal(isWholeRing(ring, 4096), true);
  assert.equal(isWholeRing({ ...ring, tail: 127 }, 4096), false);
  assert.equal(isWholeRing({ ...ring, head: 127 }, 4096), false);
  assert.equal(isWholeRing({ ...ring, magic: 1 }, 4096), false);
});
