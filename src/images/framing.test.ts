import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenImages, seeded } from '../../test/support/golden.js';
import { memoryStore, readerOf } from '../../test/support/memory-store.js';
import { concat, utf8, viewOf } from '../support/bytes.js';
import { CheckpointError } from '../support/errors.js';
import { IMAGES, identifyImage } from './catalogue.js';
import { encode } from './codec.js';
import {
  ENTRY_BYTES_MAX,
  type Extent,
  FrameWriter,
  frameHeader,
  type Payload,
  readEntries,
} from './framing.js';
import type { Image } from './image.js';
import { ghost_chunk_entry, ghost_file_entry } from './messages/ghost-file.js';
import { ipc_msg, ipc_msg_entry } from './messages/ipc-msg.js';
import { pagemap_entry } from './messages/pagemap.js';
import { readPagemap } from './pagemap.js';
import { type Content, contentOf } from './store.js';

/** The image a golden file is. */
function imageOf(name: string): Image {
  const found = identifyImage(name);
  assert.ok(found, name);
  return found.image;
}

/** Pagemaps as images of entries, to send them through the general reader. */
const asEntries = (image: Image): Image => ({
  ...image,
  entries: 'many',
  ...(image.entries === 'pagemap' && { message: pagemap_entry }),
});

function read(image: Image, bytes: Uint8Array, name = 'x.img'): unknown[] {
  if (image.entries !== 'pagemap') return [...readEntries(image, readerOf(bytes), name)];
  return [...readPagemap(IMAGES.PAGEMAP, readerOf(bytes), name).runs];
}

function contents(bytes: Uint8Array, payload: Payload): Payload<Content> {
  const each = (blocks: Readonly<Record<string, Extent>>) =>
    Object.fromEntries(
      Object.entries(blocks).map(([name, { offset, length }]) => [
        name,
        contentOf(bytes.subarray(offset, offset + length)),
      ]),
    );
  const records = payload.records.map(({ value, blocks }) => ({ value, blocks: each(blocks) }));
  return { blocks: each(payload.blocks), records };
}

function rewrite(image: Image, bytes: Uint8Array): Uint8Array {
  const store = memoryStore();
  const frame = new FrameWriter(image, store.create('out'));
  for (const { value, payload } of readEntries(image, readerOf(bytes), 'in')) {
    frame.entry(value, payload && contents(bytes, payload));
  }
  frame.writer.finish();
  return store.files.get('out') as Uint8Array;
}

test('every captured image decodes and encodes byte for byte', () => {
  const images = goldenImages();
  assert.ok(images.length >= 40);
  for (const { set, name, bytes } of images) {
    const image = imageOf(name);
    // A pagemap's head is a message of its own: the runs are compared in pagemap.test.ts.
    if (image.entries === 'pagemap') continue;
    assert.deepEqual(rewrite(image, bytes), bytes, `${set}/${name}`);
  }
});

const isImageError = (error: unknown): boolean =>
  error instanceof CheckpointError && error.code === 'image';

test('an image cut off anywhere is an image error, or ends between two entries', () => {
  for (const { set, name, bytes } of goldenImages()) {
    const image = imageOf(name);
    const whole = read(image, bytes).length;
    for (let length = 0; length < bytes.length; length++) {
      try {
        const count = read(image, bytes.subarray(0, length)).length;
        // What a ghost file holds goes to the end, wherever that is.
        const openEnded = image.key === 'GHOST_FILE';
        assert.ok(
          openEnded || (image.entries !== 'one' && count < whole),
          `${set}/${name} ${length}`,
        );
      } catch (error) {
        if (!isImageError(error))
          throw new Error(`${set}/${name} cut to ${length}`, { cause: error });
      }
    }
  }
});

test('flipped bits are decoded or an image error, and what is decoded can be encoded', () => {
  const random = seeded(0x5eed);
  for (const { set, name, bytes } of goldenImages()) {
    const image = imageOf(name);
    for (let round = 0; round < 150; round++) {
      const damaged = bytes.slice();
      for (let flips = 1 + random(4); flips > 0; flips--) {
        const at = random(damaged.length);
        damaged[at] = (damaged[at] as number) ^ (1 << random(8));
      }
      try {
        read(image, damaged);
        rewrite(asEntries(image), damaged);
      } catch (error) {
        if (!isImageError(error))
          throw new Error(`${set}/${name} round ${round}`, { cause: error });
      }
    }
  }
});

function what(image: Image, bytes: Uint8Array): string {
  try {
    read(image, bytes, 'x.img');
  } catch (error) {
    assert.ok(error instanceof CheckpointError && error.code === 'image');
    assert.equal(error.context.object, 'x.img');
    return error.what;
  }
  assert.fail('read');
}

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return bytes;
};
const entry = (bytes: Uint8Array): Uint8Array => concat([u32(bytes.length), bytes]);

test('hostile frames are refused by name and byte', () => {
  const image = IMAGES.SECCOMP as Image;
  const header = frameHeader(image);
  const bad = header.slice();
  bad[5] = 0xff;
  assert.equal(what(image, u32(7)), 'byte 0: the common magic is 0x00000007, not 0x54564319');
  assert.equal(what(image, bad), 'byte 4: the magic of SECCOMP is 0x6441ff49, not 0x64413049');
  assert.equal(
    what(image, header.subarray(0, 6)),
    'byte 4: the magic of SECCOMP needs 4 bytes, 2 follow',
  );
  assert.equal(what(image, header), 'the image holds no entry');
  const full = concat([header, u32(0)]);
  assert.equal(what(image, concat([full, u32(0)])), 'byte 12: 4 bytes follow the only entry');
  const cut = concat([header, u32(9), u32(0)]);
  assert.equal(what(image, cut), 'byte 12: entry 0 needs 9 bytes, 4 follow');
  const long = concat([header, u32(ENTRY_BYTES_MAX + 1)]);
  assert.equal(
    what(image, long),
    `byte 8: entry 0 of ${ENTRY_BYTES_MAX + 1} bytes is longer than any can be`,
  );
  assert.match(
    what(IMAGES.FDINFO as Image, concat([frameHeader(IMAGES.FDINFO as Image), u32(0)])),
    /^entry 0, byte 12: fdinfo_entry.id: a required/,
  );
});

test('payload is given by reference, in blocks', () => {
  const head = encode(ghost_file_entry, { uid: 0, gid: 0, mode: 0o100600, chunks: true });
  const chunk = (len: number, off: number) => encode(ghost_chunk_entry, { len, off });
  const image = IMAGES.GHOST_FILE as Image;
  const bytes = concat([
    frameHeader(image),
    entry(head),
    entry(chunk(3, 0)),
    utf8('abc'),
    entry(chunk(2, 2 ** 40)),
    utf8('de'),
  ]);
  const [found] = [...readEntries(image, readerOf(bytes), 'ghost-file-1.img')];
  const parts = found?.payload?.records.map(({ value, blocks }) => ({ value, at: blocks.extra }));
  assert.deepEqual(
    parts?.map(({ value }) => value),
    [
      { len: 3, off: 0 },
      { len: 2, off: 2 ** 40 },
    ],
  );
  const [first] = parts ?? [];
  assert.deepEqual(first?.at, {
    offset: bytes.length - 2 - 4 - chunk(2, 2 ** 40).length - 3,
    length: 3,
  });
  assert.deepEqual(rewrite(image, bytes), bytes);
  assert.match(
    what(image, bytes.subarray(0, bytes.length - 1)),
    /payload of entry 0 needs 2 bytes, 1 follow/,
  );
});

test('queued messages and their padding survive', () => {
  const desc = { key: 1, uid: 0, gid: 0, cuid: 0, cgid: 0, mode: 0o600, id: 5 };
  const image = IMAGES.IPCNS_MSG as Image;
  const message = (msize: number) => entry(encode(ipc_msg, { mtype: 1n, msize }));
  const bytes = concat([
    frameHeader(image),
    entry(encode(ipc_msg_entry, { desc, qbytes: 16384, qnum: 2 })),
    message(5),
    utf8('hello\0\0\0'),
    message(8),
    utf8('eight by'),
    entry(encode(ipc_msg_entry, { desc, qbytes: 16384, qnum: 0 })),
  ]);
  assert.equal(read(image, bytes).length, 2);
  assert.deepEqual(rewrite(image, bytes), bytes);
});

test('memory does not grow with the image', () => {
  // A file that claims 2 GiB and gives any part on demand: only what is asked for may be read at once.
  const image = IMAGES.SK_QUEUES as Image;
  const start = concat([
    frameHeader(image),
    entry(Uint8Array.from([0x08, 5, 0x10, 0x80, 0x80, 0x80, 0x80, 6])),
  ]);
  const size = start.length + 6 * 2 ** 28;
  let largest = 0;
  const reader = {
    size,
    read(offset: number, length: number) {
      largest = Math.max(largest, length);
      return offset === 0
        ? concat([start, new Uint8Array(length - start.length)])
        : new Uint8Array(length);
    },
    close: () => {},
  };
  const [found] = [...readEntries(image, reader, 'sk-queues.img')];
  assert.deepEqual(found?.payload?.blocks.extra, { offset: start.length, length: 6 * 2 ** 28 });
  assert.ok(largest <= 1 << 20);
});

test('content that is not as long as its entry says is a bug', () => {
  const frame = new FrameWriter(IMAGES.SK_QUEUES, memoryStore().create('out'));
  const payload = { blocks: { extra: contentOf(utf8('abc')) }, records: [] };
  assert.throws(() => frame.entry({ id_for: 1, length: 4, scm: [] }, payload), { code: 'bug' });
});
