import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenImages, wireTable } from '../../test/support/golden.js';
import { memoryStore, readerOf } from '../../test/support/memory-store.js';
import { concat, utf8 } from '../support/bytes.js';
import { CheckpointError } from '../support/errors.js';
import { IMAGES, identifyImage, magicName } from './catalogue.js';
import { FLAG_NAMES, VALUE_NAMES } from './dictionaries.js';
import { FrameWriter, type Payload } from './framing.js';
import type { Image } from './image.js';
import { messageFromJson, messageToJson } from './json.js';
import { imageFromJson, imageToJson } from './json-image.js';
import { type Json, type JsonObject, parseJson, printJson } from './json-text.js';
import { fdinfo_entry } from './messages/fdinfo.js';
import { irmap_cache_entry } from './messages/fh.js';
import { ghost_file_entry } from './messages/ghost-file.js';
import { netns_id } from './messages/netdev.js';
import { sit_entry } from './messages/sit.js';
import { utsns_entry } from './messages/utsns.js';
import { vma_entry } from './messages/vma.js';
import { type Content, contentOf } from './store.js';

const pretty = { pretty: true };

function toJson(image: Image, bytes: Uint8Array, style = pretty): JsonObject[] {
  return [...imageToJson(image, readerOf(bytes), { ...style, file: 'x.img' })];
}

function fromJson(image: Image, entries: Iterable<Json>): Uint8Array {
  const store = memoryStore();
  const writer = store.create('out');
  imageFromJson(image, entries, writer);
  writer.finish();
  return store.files.get('out') as Uint8Array;
}

test('the names of flags and values are those of the format', () => {
  const { flags, dict } = wireTable<{ flags: unknown; dict: unknown }>('dictionaries');
  assert.deepEqual(FLAG_NAMES, flags);
  assert.deepEqual(VALUE_NAMES, dict);
});

test('every captured image prints as crit prints it, to the letter', () => {
  const twins = goldenImages().filter(({ json }) => json !== undefined);
  assert.ok(twins.length >= 35);
  for (const { set, name, bytes, json } of twins) {
    const { image } = identifyImage(name) as { image: Image };
    const text = printJson({ magic: magicName(image), entries: toJson(image, bytes) }, 4);
    assert.equal(text, json, `${set}/${name}`);
  }
});

test('every captured image comes back from JSON byte for byte, pretty or plain', () => {
  for (const { set, name, bytes } of goldenImages()) {
    const { image } = identifyImage(name) as { image: Image };
    for (const style of [{ pretty: true }, { pretty: false }]) {
      const entries = parseJson(printJson(toJson(image, bytes, style)));
      assert.deepEqual(fromJson(image, entries as Json[]), bytes, `${set}/${name}`);
    }
  }
});

function image<V>(kind: Image<V>, value: V, payload?: Payload<Content>): Uint8Array {
  const store = memoryStore();
  const frame = new FrameWriter(kind, store.create('out'));
  frame.entry(value, payload);
  frame.writer.finish();
  return store.files.get('out') as Uint8Array;
}

const desc = { key: 1, uid: 0, gid: 0, cuid: 0, cgid: 0, mode: 0, id: 1 };
const extra = (text: string) => ({ extra: contentOf(utf8(text)) });
const PAYLOADS: [Image, Uint8Array, unknown][] = [
  [
    IMAGES.IPCNS_SEM as Image,
    image(
      IMAGES.IPCNS_SEM,
      { desc, nsems: 3 },
      {
        blocks: { extra: contentOf(Uint8Array.of(1, 0, 2, 1, 255, 255)) },
        records: [],
      },
    ),
    [{ desc, nsems: 3, extra: [1, 258, 65535] }],
  ],
  [
    IMAGES.IPCNS_MSG as Image,
    image(
      IMAGES.IPCNS_MSG,
      { desc, qbytes: 3, qnum: 2 },
      {
        blocks: {},
        records: [
          { value: { mtype: 1n, msize: 5 }, blocks: extra('hello') },
          { value: { mtype: 2n, msize: 8 }, blocks: extra('12345678') },
        ],
      },
    ),
    [
      {
        desc,
        qbytes: 3,
        qnum: 2,
        extra: [{ mtype: 1n, msize: 5 }, 'aGVsbG8=\n', { mtype: 2n, msize: 8 }, 'MTIzNDU2Nzg=\n'],
      },
    ],
  ],
  [
    IMAGES.GHOST_FILE as Image,
    image(
      IMAGES.GHOST_FILE,
      { uid: 0, gid: 0, mode: 0, chunks: true },
      {
        blocks: {},
        records: [
          { value: { len: 5, off: 0 }, blocks: extra('hello') },
          { value: { len: 1, off: 4096 }, blocks: extra('x') },
        ],
      },
    ),
    [
      { uid: 0, gid: 0, mode: 0, chunks: true },
      { len: 5, off: 0, extra: 'aGVsbG8=\n' },
      { len: 1, off: 4096, extra: 'eA==\n' },
    ],
  ],
  [
    IMAGES.BPFMAP_DATA as Image,
    image(
      IMAGES.BPFMAP_DATA,
      { map_id: 1, keys_bytes: 2, values_bytes: 3, count: 1 },
      {
        blocks: { keys: contentOf(utf8('kk')), values: contentOf(utf8('vvv')) },
        records: [],
      },
    ),
    [{ map_id: 1, keys_bytes: 2, values_bytes: 3, count: 1, extra: 'a2t2dnY=\n' }],
  ],
  [
    IMAGES.IPCNS_SHM as Image,
    image(IMAGES.IPCNS_SHM, { desc, size: 5 }, { blocks: extra('hello'), records: [] }),
    [{ desc, size: 5, extra: 'aGVsbG8=\n' }],
  ],
  [
    IMAGES.IPCNS_SHM as Image,
    image(IMAGES.IPCNS_SHM, { desc, size: 5, in_pagemaps: true }),
    [{ desc, size: 5, in_pagemaps: true }],
  ],
];

test('payload has the shapes crit gives it, and comes back', () => {
  for (const [kind, bytes, expected] of PAYLOADS) {
    assert.deepEqual(toJson(kind, bytes), expected, kind.key);
    const entries = parseJson(printJson(toJson(kind, bytes), 4));
    assert.deepEqual(fromJson(kind, entries as Json[]), bytes, kind.key);
  }
});

test('values without a name stay numbers; unknown bits follow the names', () => {
  const vma = {
    start: 0,
    end: 0xffff_ffff_ff60_0000,
    pgoff: 0,
    shmid: (1n << 64n) - 1n,
    prot: 0xff,
    flags: 0xffff,
    status: 0x8000_0001,
    fd: -1,
    madv: 0n,
  };
  const json = messageToJson(vma_entry, vma, pretty);
  assert.deepEqual(json, {
    start: '0x0',
    end: '0xffffffffff600000',
    pgoff: 0,
    shmid: (1n << 64n) - 1n,
    prot: 'PROT_READ | PROT_WRITE | PROT_EXEC | 0xf8',
    flags: 'MAP_SHARED | MAP_PRIVATE | MAP_DROPPABLE | MAP_ANON | MAP_GROWSDOWN | 0xfed4',
    status: 'VMA_AREA_REGULAR | VMA_UNSUPP',
    fd: -1,
    madv: '0x0',
  });
  assert.deepEqual(messageFromJson(vma_entry, json, 'entry 0'), vma);
  const info = { id: 1, flags: 0, type: 77, fd: 3 };
  assert.deepEqual(messageToJson(fdinfo_entry, info, pretty), info);
  assert.deepEqual(messageFromJson(fdinfo_entry, info, 'entry 0'), info);
});

test('device numbers are major:minor in the encoding of their field', () => {
  const ghost = { uid: 0, gid: 0, mode: 0, dev: 0x0fe0_0001, rdev: 0xfff1_2345 };
  const shown = messageToJson(ghost_file_entry, ghost, pretty);
  assert.equal(shown.dev, '254:1');
  assert.equal(shown.rdev, '291:1048389');
  assert.deepEqual(messageFromJson(ghost_file_entry, shown, 'entry 0'), ghost);
  for (const dev of [0, 1, 0x8800, 0x1234_5678, 0xffff_ffff]) {
    const cache = { dev, inode: 1n, path: '/' };
    const json = messageToJson(irmap_cache_entry, cache, pretty);
    assert.deepEqual(messageFromJson(irmap_cache_entry, json, 'entry 0'), cache);
  }
});

test('addresses of one and four words are shown as such, others stay numbers', () => {
  const sit = (local: number[]) => ({ local, remote: [], rd_prefix: [], relay_prefix: [] });
  for (const [words, shown] of [
    [[0x0100_007f], ['127.0.0.1']],
    [[0x2001_0db8, 0, 0x0100_0000, 5], ['b80d:120::1:500:0']],
    [[1, 1, 1, 1], ['100:0:100:0:100:0:100:0']],
    [[0, 0, 0, 0], ['::']],
    [[0, 0, 0, 0x0100_0000], ['::1']],
    [[0, 0, 0xffff_0000, 0x0100_007f], ['::ffff:127.0.0.1']],
    [[0x80fe, 0, 0, 0], ['fe80::']],
    [
      [1, 2],
      [1, 2],
    ],
  ] as [number[], Json][]) {
    const json = messageToJson(sit_entry, sit(words), pretty);
    assert.deepEqual(json.local, shown);
    assert.deepEqual(messageFromJson(sit_entry, json, 'entry 0'), sit(words));
  }
});

test('JSON that no image can hold is an image error that names the field', () => {
  const bad = (json: Json): string => {
    try {
      messageFromJson(fdinfo_entry, json, 'entry 4');
    } catch (error) {
      assert.ok(error instanceof CheckpointError && error.code === 'image');
      return error.what;
    }
    assert.fail('accepted');
  };
  const good = { id: 1, flags: 0, type: 'REG', fd: 3 };
  assert.equal(bad([]), 'entry 4: fdinfo_entry: an object is needed');
  assert.equal(bad({ ...good, typo: 1 }), "entry 4: fdinfo_entry: there is no field 'typo'");
  assert.equal(
    bad({ ...good, id: -1 }),
    "entry 4: fdinfo_entry.id: '-1' is no value of this field",
  );
  assert.match(bad({ ...good, id: 4294967296 }), /\.id: /);
  assert.match(bad({ ...good, id: 1.5 }), /\.id: /);
  assert.match(bad({ ...good, id: [] }), /\.id: 'an array|an array or object/);
  assert.match(bad({ ...good, type: 'NONE' }), /\.type: 'NONE' is no value/);
  assert.match(bad({ id: 1 }), /\.flags: a required field is missing/);
  assert.match(bad({ ...good, xattr_security_selinux: 3 }), /a string is needed/);
});

test('payload that does not match its entry is an image error', () => {
  const entry = (json: JsonObject) => () => fromJson(IMAGES.PIPES_DATA as Image, [json]);
  assert.throws(entry({ pipe_id: 1, bytes: 5, extra: 'eA==' }), {
    what: 'entry 0: extra has 1 bytes, the entry says 5',
  });
  assert.throws(entry({ pipe_id: 1, bytes: 5, extra: '!' }), {
    what: 'entry 0: extra is malformed',
  });
  assert.throws(() => fromJson(IMAGES.UTSNS as Image, []), { code: 'image' });
  assert.throws(() => toJson(IMAGES.PAGES as Image, utf8('x')), { code: 'unsupported' });
});

test('integers of any size, any text and any nesting print and parse', () => {
  const text =
    '{"big": 18446744073709551615, "safe": 9007199254740991, "low": -9223372036854775808, ' +
    '"half": 0.5, "list": [], "none": null, "ok": true, "text": "\\u00e9\\u007f\\n\\"\\\\\\ud83d\\udc38"}';
  const value = parseJson(text) as JsonObject;
  assert.equal(value.big, 18446744073709551615n);
  assert.equal(value.safe, Number.MAX_SAFE_INTEGER);
  assert.equal(value.low, -9223372036854775808n);
  assert.equal(printJson(value), text);
  assert.deepEqual(parseJson(printJson(value, 4)), value);
  assert.deepEqual(Object.keys(parseJson('{"__proto__": 1}') as object), ['__proto__']);
});

test('text that is no JSON is an image error with line and column', () => {
  for (const [text, what] of [
    ['', 'line 1, column 1: a value is missing'],
    ['{\n  "a": 1,\n}', 'line 3, column 1: a name is missing'],
    ['[1 2]', "line 1, column 4: ',' is missing"],
    ['"a\nb"', 'line 1, column 1: a string is malformed'],
    ['1 1', 'line 1, column 3: something follows the end'],
    ['['.repeat(300), 'line 1, column 202: values are nested deeper than 200'],
  ] as const) {
    assert.throws(() => parseJson(text), { code: 'image', what });
  }
});

test('text that is not UTF-8 goes through JSON unharmed', () => {
  const value = { nodename: 'bad\udcff', domainname: '\ud83d\udc38' };
  const json = printJson(messageToJson(utsns_entry, value, pretty));
  assert.deepEqual(messageFromJson(utsns_entry, parseJson(json), 'entry 0'), value);
  assert.ok(concat([utf8(json)]).every((byte) => byte < 0x80));
  assert.deepEqual(
    messageFromJson(netns_id, { target_ns_id: '0x10', netnsid_value: -1 }, 'entry 0'),
    {
      target_ns_id: 16,
      netnsid_value: -1,
    },
  );
});
