import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT_CLKTCK, AT_PAGESZ, AT_SYSINFO_EHDR, auxvValue, auxvWords, parseAuxv } from './auxv.js';
import { parseCgroups } from './cgroup.js';
import { parseChildren } from './children.js';
import { parseIdMap } from './id-map.js';
import { parseSyscall } from './syscall.js';
import { parseTimensOffsets } from './timens-offsets.js';

test('cgroup: version 1 with named hierarchies, version 2, colons and deletion in paths', () => {
  assert.deepEqual(
    parseCgroups('9:name=systemd:/\n2:cpu,cpuacct:/a:b\n0::/user.slice/x (deleted)\n'),
    [
      { hierarchy: 9, controllers: ['name=systemd'], path: '/', deleted: false },
      { hierarchy: 2, controllers: ['cpu', 'cpuacct'], path: '/a:b', deleted: false },
      { hierarchy: 0, controllers: [], path: '/user.slice/x', deleted: true },
    ],
  );
  assert.throws(() => parseCgroups('0:/x\n'), /line that cannot be read: "0:\/x"/);
  assert.throws(() => parseCgroups('0::x\n'), /cannot be read/);
});

test('children: none, some, with or without a newline', () => {
  assert.deepEqual(parseChildren(''), []);
  assert.deepEqual(parseChildren('12 340 5 '), [12, 340, 5]);
  assert.deepEqual(parseChildren('12\n'), [12]);
  assert.throws(() => parseChildren('12 x '), /cannot be read: "12 x "/);
});

test('auxv: pairs to AT_NULL; all words with it', () => {
  const words = [33n, 0x7fa746cbc000n, 6n, 4096n, 17n, 100n, 25n, 0xfffffffffffffff9n, 0n, 0n];
  const bytes = new Uint8Array(BigUint64Array.from(words).buffer);
  const entries = parseAuxv(bytes);
  assert.equal(entries.length, 4);
  assert.equal(auxvValue(entries, AT_SYSINFO_EHDR), 0x7fa746cbc000n);
  assert.equal(auxvValue(entries, AT_PAGESZ), 4096n);
  assert.equal(auxvValue(entries, AT_CLKTCK), 100n);
  assert.equal(auxvValue(entries, 25), 0xfffffffffffffff9n);
  assert.equal(auxvValue(entries, 51), undefined);
  assert.deepEqual(auxvWords(bytes), words);
  assert.deepEqual(parseAuxv(new Uint8Array(0)), []);
  assert.throws(() => parseAuxv(bytes.subarray(0, 24)), /not made of pairs of words: 24 bytes/);
});

test('timens_offsets: names, and the numbers of Linux 5.6', () => {
  // Captured on Linux 6.18 after unshare --time --monotonic 1000 --boottime -50.
  assert.deepEqual(
    parseTimensOffsets('monotonic        1000         0\nboottime          -50         7\n'),
    { monotonic: { seconds: 1000, nanoseconds: 0 }, boottime: { seconds: -50, nanoseconds: 7 } },
  );
  assert.equal(parseTimensOffsets('1 -3 5\n7 0 0\n')?.monotonic.seconds, -3);
  assert.equal(parseTimensOffsets(''), undefined);
  assert.throws(() => parseTimensOffsets('monotonic 0 0\n'), /cannot be read/);
  assert.throws(() => parseTimensOffsets('monotonic 0 0\nlunar 0 0\n'), /"lunar 0 0"/);
  assert.throws(() => parseTimensOffsets('monotonic 0 0 0\nboottime 0 0\n'), /"monotonic 0 0 0"/);
});

test('syscall: running, in user code, in a call', () => {
  assert.deepEqual(parseSyscall('running\n'), { state: 'running' });
  assert.deepEqual(parseSyscall('-1 0x7ffd1 0x7f19d\n'), {
    state: 'user',
    sp: 0x7ffd1n,
    pc: 0x7f19dn,
  });
  assert.deepEqual(
    parseSyscall('0 0x3 0x7f19d02de000 0x20000 0x4 0xffffffff 0x6 0x7ffd1d1eda38 0x7f19d045a2ad\n'),
    {
      state: 'syscall',
      nr: 0,
      args: [3n, 0x7f19d02de000n, 0x20000n, 4n, 0xffffffffn, 6n],
      sp: 0x7ffd1d1eda38n,
      pc: 0x7f19d045a2adn,
    },
  );
  assert.throws(() => parseSyscall('0 0x3 0x4\n'), /cannot be read/);
  assert.throws(() => parseSyscall('-1 0x3\n'), /cannot be read/);
  assert.throws(() => parseSyscall('sleeping\n'), /cannot be read: "sleeping"/);
});

test('uid_map: the full range, several ranges, none', () => {
  assert.deepEqual(parseIdMap('         0          0 4294967295\n', 'uid_map'), [
    { inside: 0, outside: 0, count: 4294967295 },
  ]);
  assert.equal(parseIdMap('0 1000 1\n1 100000 65536\n', 'gid_map').length, 2);
  assert.deepEqual(parseIdMap('', 'uid_map'), []);
  assert.throws(() => parseIdMap('0 1000\n', 'gid_map'), /\/proc\/PID\/gid_map has a line/);
});
