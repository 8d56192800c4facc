import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePort } from '../../../test/support/task-states.js';
import { ENXIO } from '../../linux/errno.js';
import { SEEK_DATA, stat } from '../../linux/uapi/fcntl.js';
import { FIEMAP_EXTENT_LAST, fiemap, fiemap_extent } from '../../linux/uapi/fiemap.js';
import { DEFAULT_OBJECT_OPTIONS } from '../options.js';
import type { DumpPort } from '../ports.js';
import { observeGhost } from './ghost.js';

const PAGE = 4096;
type Extent = readonly [offset: number, length: number];

/** A port on which every path leads to one file of this size, with data in these places. */
function port(
  size: number,
  data: readonly Extent[],
  { mode = 0o100640, hasFiemap = true } = {},
): DumpPort {
  const stored = data.reduce((sum, [, length]) => sum + length, 0);
  const statbuf = stat.encode({
    ...{ st_dev: 0xfe03n, st_ino: 77n, st_mode: mode, st_uid: 12, st_gid: 34, st_size: size },
    ...{ st_blocks: BigInt(stored / 512), st_atime: 5n, st_atime_nsec: 6_999n },
    ...{ st_mtime: 7n, st_mtime_nsec: 8_000n },
  });
  const bytesOf = (place: unknown): Uint8Array => (place as { bytes: Uint8Array }).bytes;
  return fakePort({
    calls: {
      newfstatat: (_, args) => {
        bytesOf(args.statbuf).set(statbuf);
        return 0;
      },
      openat: () => 9,
      close: () => 0,
      lseek: (_, { offset, whence }) => {
        const at = offset as number;
        const found = data.find(([start, length]) => at < start + length);
        if (whence === SEEK_DATA) return found ? Math.max(found[0], at) : -ENXIO;
        return found && at >= found[0] ? found[0] + found[1] : at;
      },
      ioctl: (_, args) => {
        if (!hasFiemap) return -95;
        const bytes = bytesOf(args.argp);
        data.forEach(([fe_logical, fe_length], i) => {
          const fe_flags = i === data.length - 1 ? FIEMAP_EXTENT_LAST : 0;
          const extent = fiemap_extent.encode({ fe_logical, fe_length, fe_flags });
          bytes.set(extent, fiemap.size + i * fiemap_extent.size);
        });
        bytes.set(fiemap.encode({ fm_mapped_extents: data.length }));
        return 0;
      },
    },
  });
}

test('a whole file: owner, mode, device and inode as the image has them, times in microseconds', () => {
  const ghost = observeGhost(port(PAGE, [[0, PAGE]]), 'key', '/proc/1/fd/3');
  assert.deepEqual(ghost.entry, {
    ...{ uid: 12, gid: 34, mode: 0o100640, dev: (254 << 20) | 3, ino: 77n },
    atim: { tv_sec: 5, tv_usec: 6 },
    mtim: { tv_sec: 7, tv_usec: 8 },
  });
  assert.equal(ghost.whole?.length, PAGE);
  assert.equal(ghost.storedBytes, PAGE);
});

const HOLES: readonly Extent[] = [
  [PAGE, PAGE],
  [8 * PAGE, 2 * PAGE],
];
const chunksOf = (from: DumpPort) => {
  const { entry, whole, chunks, storedBytes } = observeGhost(from, 'key', '/proc/1/fd/3');
  assert.equal(whole, undefined);
  assert.equal(storedBytes, 3 * PAGE);
  assert.deepEqual([entry.chunks, entry.size], [true, 64 * PAGE]);
  return chunks.map(({ value: { off, len } }) => [off, len]);
};

test('a file with holes: a chunk for each piece of data', () => {
  assert.deepEqual(chunksOf(port(64 * PAGE, HOLES)), HOLES);
});

test('FIEMAP finds the same chunks, and SEEK_DATA where there is none', () => {
  for (const hasFiemap of [true, false]) {
    const options = { ...DEFAULT_OBJECT_OPTIONS, ghostFiemap: true };
    const from: DumpPort = { ...port(64 * PAGE, HOLES, { hasFiemap }), options };
    assert.deepEqual(chunksOf(from), HOLES);
  }
});

test('neighbouring extents of FIEMAP are one chunk, and what lies behind the end is none', () => {
  const options = { ...DEFAULT_OBJECT_OPTIONS, ghostFiemap: true };
  const data: Extent[] = [
    [0, PAGE],
    [PAGE, PAGE],
    [62 * PAGE, 4 * PAGE],
  ];
  const from: DumpPort = { ...port(63 * PAGE, data), options };
  const { chunks } = observeGhost(from, 'key', '/proc/1/fd/3');
  assert.deepEqual(
    chunks.map(({ value: { off, len } }) => [off, len]),
    [
      [0, 2 * PAGE],
      [62 * PAGE, PAGE],
    ],
  );
});

test('a directory has no content', () => {
  const ghost = observeGhost(port(PAGE, [], { mode: 0o40755 }), 'key', '/proc/1/cwd');
  assert.equal(ghost.whole, undefined);
  assert.deepEqual([ghost.storedBytes, ghost.chunks, ghost.entry.chunks], [0, [], undefined]);
});
