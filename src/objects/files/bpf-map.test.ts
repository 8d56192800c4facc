import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf, entryOf, stepsOf } from '../../../test/support/file-kind.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { contentOf } from '../../images/store.js';
import { cString } from '../../support/text.js';
import { bpfMap } from './bpf-map.js';
import { noOwner } from './registry.js';

const size = { key_size: 4, value_size: 8, max_entries: 300_000 };
const common = { id: 7, flags: 0, pos: 0n, fown: noOwner() };
const entry = {
  ...{ ...common, ...size, map_type: 1, map_id: 86, map_flags: 1 },
  ...{ memlock: 376, frozen: true, map_name: 'name', ifindex: 0, map_extra: 0n },
};

test('a map gets one entry for each description, and its elements once', () => {
  const lines = 'map_type:\t1\nmap_id:\t86\nmemlock:\t376\nfrozen:\t1\n';
  const description = descriptionOf('anon_inode:bpf-map', { flags: '02000000', lines });
  const info = { type: 1, id: 86, ...size, map_flags: 1, name: cString('name'), map_extra: 0n };
  const keys = contentOf(new Uint8Array(12));
  const values = contentOf(new Uint8Array(24));
  const seen = { info, elements: { count: 3, keys, values } };
  assert.deepEqual(entryOf(bpfMap, { description, seen }), entry);
  const { resources } = bpfMap.inspect({ id: 7, description, seen, ids: {} as never });
  const value = { map_id: 86, keys_bytes: 12, values_bytes: 24, count: 3 };
  assert.deepEqual(resources, [
    { image: IMAGES.BPFMAP_DATA, key: 'bpf 86', value, blocks: { keys, values } },
  ]);
});

function restored(count: number, changes: object = {}): string[] {
  const images = new ImageSet();
  const stored = (length: number, offset: number) =>
    ({ ...contentOf(new Uint8Array(length)), file: 'bpfmap-data.img', offset }) as never;
  const blocks = { keys: stored(count * 4, 100), values: stored(count * 8, 100 + count * 4) };
  const value = { map_id: 86, keys_bytes: count * 4, values_bytes: count * 8, count };
  images.addWith(IMAGES.BPFMAP_DATA, { value, payload: { blocks, records: [] } });
  const files = { image: () => 60 };
  return stepsOf(bpfMap, { ...entry, ...changes }, { context: { images }, files })
    .filter((step) => !/F_DUPFD|close/.test(step))
    .map((step) => step.replaceAll(/0x100[0-9a-f]+(<\d+>)?/g, 'PLACE'));
}

test('elements come many at a time, then the map is frozen and found by its number', () => {
  assert.deepEqual(restored(100_000), [
    'make: bpf(BPF_MAP_CREATE, <72 bytes>, 72) = 0',
    'make: pread64(60, PLACE, 349524, 100) = 349524',
    'make: pread64(60, PLACE, 699048, 400100) = 699048',
    'make: bpf(BPF_MAP_UPDATE_BATCH, <56 bytes>, 56)',
    'make: pread64(60, PLACE, 50476, 349624) = 50476',
    'make: pread64(60, PLACE, 100952, 1099148) = 100952',
    'make: bpf(BPF_MAP_UPDATE_BATCH, <56 bytes>, 56)',
    'make: bpf(BPF_MAP_FREEZE, <4 bytes>, 4)',
    'make: bpf(BPF_OBJ_GET_INFO_BY_FD, <16 bytes>, 16)',
    'make: bpf(BPF_MAP_GET_FD_BY_ID, PLACE, 12) = 0',
  ]);
  assert.equal(restored(0, { frozen: false }).length, 3);
});

test('maps that are no arrays or hashes, and elements that are missing, are refused', () => {
  assert.throws(() => restored(1, { map_type: 9 }), /type 9: only arrays and hashes/);
  assert.throws(() => restored(1, { key_size: 8 }), /the 1 keys of BPF map 86 are not/);
  assert.throws(() => restored(1, { map_id: 5 }), /elements of BPF map 5 are not in the images/);
});
