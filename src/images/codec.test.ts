import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../support/bytes.js';
import { CheckpointError } from '../support/errors.js';
import { decode, encode } from './codec.js';
import { cgroup_dir_entry } from './messages/cgroup.js';
import { core_entry } from './messages/core.js';
import { creds_entry } from './messages/creds.js';
import { eventfd_file_entry } from './messages/eventfd.js';
import { file_lock_entry } from './messages/file-lock.js';
import { fown_entry } from './messages/fown.js';
import { pipe_data_entry } from './messages/pipe-data.js';
import { pstree_entry } from './messages/pstree.js';
import { reg_file_entry } from './messages/regfile.js';
import { utsns_entry } from './messages/utsns.js';
import { vma_entry } from './messages/vma.js';
import { type Message, UNKNOWN_FIELDS } from './schema.js';

const where = { file: 'eventfd.img', entry: 3, offset: 100 };
const fown = { uid: 0, euid: 0, signum: 0, pid_type: 0, pid: 0 };
const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replace(/ /g, ''), 'hex'));

function fault(message: Message<unknown>, bytes: Uint8Array): string {
  try {
    decode(message, bytes, where);
  } catch (error) {
    assert.ok(error instanceof CheckpointError);
    assert.equal(error.code, 'image');
    assert.equal(error.context.object, 'eventfd.img');
    return error.what;
  }
  assert.fail('decoded');
}

function roundTrip<V>(message: Message<V>, value: NoInfer<V>): V {
  return decode(message, encode(message, value), where);
}

test('numbers keep their whole range', () => {
  const vma = {
    start: 0xffff_ffff_ff60_0000,
    end: 0xffff_ffff_ff60_1000,
    pgoff: Number.MAX_SAFE_INTEGER,
    shmid: 0xffff_ffff_ffff_ffffn,
    prot: 0xffff_ffff,
    flags: 0,
    status: 0x8000_0000,
    fd: -1,
    madv: 1n << 63n,
  };
  assert.deepEqual(roundTrip(vma_entry, vma), vma);
  const lock = { flag: 2, type: 1, pid: -7, fd: 3, start: -(1n << 63n), len: (1n << 63n) - 1n };
  assert.deepEqual(roundTrip(file_lock_entry, lock), lock);
  const low = { ...lock, start: -1n, len: 127n };
  assert.deepEqual(roundTrip(file_lock_entry, low), low);
});

test('encoding is what protobuf specifies', () => {
  const text = Buffer.from(encode(fown_entry, { ...fown, uid: 300, pid: 0xffff_ffff })).toString(
    'hex',
  );
  assert.equal(text, '08ac02' + '1000' + '1800' + '2000' + '28ffffffff0f');
  const lock = { flag: 0, type: 0, pid: -1, fd: 0, start: -1n, len: 1n << 35n };
  assert.equal(
    Buffer.from(encode(file_lock_entry, lock)).toString('hex'),
    '0800' +
      '1000' +
      '18ffffffffffffffffff01' +
      '2000' +
      '28ffffffffffffffffff01' +
      '30808080808001',
  );
});

test('absent optional fields stay absent, repeated ones are empty arrays', () => {
  const value = decode(pstree_entry, hex('0801 1000 1801 2001'), where);
  assert.deepEqual(value, { pid: 1, ppid: 0, pgid: 1, sid: 1, threads: [] });
  const file = roundTrip(reg_file_entry, {
    id: 1,
    flags: 0,
    pos: 0n,
    fown,
    name: '/f',
    build_id: [],
  });
  assert.equal('mnt_id' in file, false);
});

test('packed and unpacked repeated numbers both decode', () => {
  const unpacked = decode(pstree_entry, hex('0801 1000 1801 2001 2805 28ac02'), where);
  const packed = decode(pstree_entry, hex('0801 1000 1801 2001 2a03 05 ac02'), where);
  assert.deepEqual(unpacked.threads, [5, 300]);
  assert.deepEqual(packed, unpacked);
});

test('what is repeated may have other fields between, and tags longer than they need be', () => {
  const ids = '0801 1000 1801 2001';
  const threads = (text: string) => decode(pstree_entry, hex(text), where).threads;
  assert.deepEqual(threads(`2805 2806 ${ids} 2807`), [5, 6, 7]);
  assert.deepEqual(threads(`2805 a80006 2807 ${ids}`), [5, 6, 7]);
  assert.deepEqual(threads(`${ids} 2805 2a02 0607 2808`), [5, 6, 7, 8]);
  assert.match(fault(pstree_entry, hex(`${ids} 2805 28`)), /threads: a number is cut off/);
  // Fields 19 and 20001 have tags of two and three bytes.
  const ids32 = { uid: 0, gid: 0, euid: 0, egid: 0, suid: 0, sgid: 0, fsuid: 0, fsgid: 0 };
  const caps = { cap_inh: [], cap_prm: [1, 2], cap_eff: [3], cap_bnd: [] };
  const ambient = { ...ids32, ...caps, secbits: 0, groups: [7, 8], cap_amb: [1, 2 ** 31, 3] };
  assert.deepEqual(roundTrip(creds_entry, ambient), ambient);
  const data = { pipe_id: 1, bytes: 9, packet_offsets: [0, 3], packet_lengths: [3, 6] };
  assert.deepEqual(roundTrip(pipe_data_entry, data), data);
});

test('undeclared fields survive, nested ones too, in order', () => {
  const nested = hex('0800 1000 1800 2000 2800 32 02 6869 3901020304050607 08');
  const bytes = Uint8Array.from([
    ...hex('0807 1002 1a'),
    nested.length,
    ...nested,
    ...hex('2001 9a3f 01 ff a03f 05'),
  ]);
  const value = decode(eventfd_file_entry, bytes, where);
  assert.deepEqual(value[UNKNOWN_FIELDS], hex('9a3f 01 ff a03f 05'));
  assert.deepEqual(encode(eventfd_file_entry, value), bytes);
});

test('a message field that comes twice is merged, a number takes the last', () => {
  const bytes = hex(
    '0807 0808 1002 1a0a 0801 1000 1800 2000 2800 1a0a 0802 1000 1800 2000 2805 2001',
  );
  const value = decode(eventfd_file_entry, bytes, where);
  assert.deepEqual(value, { id: 8, flags: 2, fown: { ...fown, uid: 2, pid: 5 }, counter: 1n });
});

test('text that is not UTF-8 survives', () => {
  for (const raw of ['c3a9', 'ff', '2fc3', 'eda080', 'f0908d88ff', 'efbbbf41', 'c080']) {
    const bytes = Uint8Array.from([...hex('0a'), raw.length / 2, ...hex(raw), ...hex('1200')]);
    const value = decode(utsns_entry, bytes, where);
    assert.deepEqual(encode(utsns_entry, value), bytes, raw);
  }
  const long = `${'x'.repeat(60)}\u{1f438}\udcff`;
  assert.equal(roundTrip(utsns_entry, { nodename: long, domainname: '' }).nodename, long);
});

test('faults name entry, byte, message and field', () => {
  const whole = encode(eventfd_file_entry, { id: 7, flags: 2, fown, counter: 1n << 40n });
  const noCounter = whole.subarray(0, whole.length - 7);
  assert.equal(
    fault(eventfd_file_entry, noCounter),
    'entry 3, byte 100: eventfd_file_entry.counter: a required field is missing',
  );
  assert.equal(
    fault(eventfd_file_entry, hex('0807 1002 1a02 0801')),
    'entry 3, byte 106: eventfd_file_entry.fown.euid: a required field is missing',
  );
  assert.equal(
    fault(eventfd_file_entry, hex('0807 1002 1a7f 0801')),
    'entry 3, byte 105: eventfd_file_entry.fown: 127 bytes are announced, 2 follow',
  );
  assert.equal(
    fault(eventfd_file_entry, hex('0a0100')),
    'entry 3, byte 101: eventfd_file_entry.id: wire type 2 instead of 0',
  );
  assert.equal(
    fault(eventfd_file_entry, hex('08ff')),
    'entry 3, byte 101: eventfd_file_entry.id: a number is cut off',
  );
  assert.match(fault(eventfd_file_entry, hex('08ffffffffffffffffff7f')), /exceeds 64 bits/);
  assert.match(fault(eventfd_file_entry, hex('00')), /byte 100: .* tag is malformed/);
  assert.match(fault(eventfd_file_entry, hex('0b')), /wire type 3 instead of 0/);
  assert.match(fault(eventfd_file_entry, hex('a30601')), /wire type 3 does not exist/);
  assert.match(
    fault(vma_entry, hex('0881808080808080 8001')),
    /vma_entry.start: 0x[0-9a-f]+ is no address or length/,
  );
});

test('nesting is bounded', () => {
  let bytes = encode(cgroup_dir_entry, { dir_name: 'd', children: [], properties: [] });
  for (let depth = 0; depth < 63; depth++) {
    const inner = decode(cgroup_dir_entry, bytes, where);
    bytes = encode(cgroup_dir_entry, { dir_name: 'd', children: [inner], properties: [] });
  }
  decode(cgroup_dir_entry, bytes, where);
  const inner = decode(cgroup_dir_entry, bytes, where);
  const deep = encode(cgroup_dir_entry, { dir_name: 'd', children: [inner], properties: [] });
  assert.match(fault(cgroup_dir_entry, deep), /nested deeper than 64/);
});

test('alternating repeats of one message cost linear time', () => {
  // Each occurrence of field 3 carries an undeclared field: 200,000 of them in 3.4 MB.
  const one = hex('1a0e 0800 1000 1800 2000 2800 3a02 6869');
  const bytes = new Uint8Array(one.length * 200_000 + 6);
  bytes.set(hex('0807 1002 2001'));
  for (let at = 6; at < bytes.length; at += one.length) bytes.set(one, at);
  const started = process.cpuUsage().user;
  decode(eventfd_file_entry, bytes, where);
  assert.ok(process.cpuUsage().user - started < 5_000_000);
});

test('a value that does not fit its declaration is a bug', () => {
  const good = { id: 7, flags: 2, fown, counter: 1n };
  for (const bad of [
    { ...good, id: -1 },
    { ...good, id: 2 ** 32 },
    { ...good, id: 1.5 },
    { ...good, counter: 1 },
    { ...good, counter: 1n << 64n },
    { ...good, fown: undefined },
  ]) {
    assert.throws(() => encode(eventfd_file_entry, bad as never), { code: 'bug' });
  }
  assert.throws(() => encode(utsns_entry, { nodename: utf8('x'), domainname: '' } as never), {
    code: 'bug',
  });
});

test('a core entry of another machine decodes through the same message', () => {
  const value = { mtype: 8, ti_riscv64: undefined };
  assert.deepEqual(roundTrip(core_entry, value), { mtype: 8 });
});
