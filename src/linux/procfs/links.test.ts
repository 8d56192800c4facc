import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeDev,
  decodeKernelDev,
  decodeTtyNr,
  encodeDev,
  encodeKernelDev,
  parseDevices,
} from './devices.js';
import { parseFdLink } from './fd-link.js';
import { asNamespaceLink, parseNamespaceLink } from './ns-link.js';

for (const [target, link] of [
  ['pipe:[26354]', { kind: 'pseudo', type: 'pipe', inode: 26354n }],
  ['socket:[9223372036854775809]', { kind: 'pseudo', type: 'socket', inode: 9223372036854775809n }],
  ['mnt:[4026531832]', { kind: 'pseudo', type: 'mnt', inode: 4026531832n }],
  ['anon_inode:[eventfd]', { kind: 'anon', name: '[eventfd]' }],
  ['anon_inode:inotify', { kind: 'anon', name: 'inotify' }],
  ['anon_inode:kvm-vcpu:0', { kind: 'anon', name: 'kvm-vcpu:0' }],
  ['/memfd:my fd (deleted)', { kind: 'memfd', name: 'my fd' }],
  ['/memfd: (deleted)', { kind: 'memfd', name: '' }],
  ['/memfd:a (deleted) (deleted)', { kind: 'memfd', name: 'a (deleted)' }],
  ['/memfd:x', { kind: 'path', path: '/memfd:x', deleted: false }],
  [
    '/tmp/x y\nz (deleted) (deleted)',
    { kind: 'path', path: '/tmp/x y\nz (deleted)', deleted: true },
  ],
  ['/dev/null', { kind: 'path', path: '/dev/null', deleted: false }],
  ['/pipe:[7]', { kind: 'path', path: '/pipe:[7]', deleted: false }],
  ['(unreachable)/a/b (deleted)', { kind: 'unreachable', path: '/a/b', deleted: true }],
  ['pipe:[7x]', { kind: 'unknown', target: 'pipe:[7x]' }],
  ['wormhole:', { kind: 'unknown', target: 'wormhole:' }],
] as const) {
  test(`link ${JSON.stringify(target)}`, () => assert.deepEqual(parseFdLink(target), link));
}

test('a namespace link has a type and an inode; others are not taken for one', () => {
  assert.deepEqual(parseNamespaceLink('net:[4026531840]'), { type: 'net', inode: 4026531840n });
  assert.equal(asNamespaceLink('pipe:[5]'), undefined);
  assert.equal(asNamespaceLink('/net:[5]'), undefined);
  assert.throws(() => parseNamespaceLink('lunar:[5]'), /link that cannot be read: "lunar:\[5\]"/);
});

test('device numbers: the kernel form has 20 bits for the minor', () => {
  assert.deepEqual(decodeKernelDev(0xfe00003), { major: 0xfe, minor: 3 });
  assert.equal(encodeKernelDev({ major: 0xfff, minor: 0xfffff }), 0xffffffff);
});

test('device numbers: the form of stat splits the minor', () => {
  assert.deepEqual(decodeDev(0x0103), { major: 1, minor: 3 });
  for (const device of [
    { major: 136, minor: 3 },
    { major: 0xfff, minor: 0xfffff },
    { major: 8, minor: 0x12345 },
  ]) {
    assert.deepEqual(decodeDev(encodeDev(device)), device);
  }
  assert.equal(encodeDev({ major: 8, minor: 0x12345 }), 0x12300845);
  assert.throws(() => encodeDev({ major: 4096, minor: 0 }), /4096 is not a major device number/);
});

test('a terminal number', () => {
  assert.deepEqual(decodeTtyNr(34819), { major: 136, minor: 3 });
  assert.equal(decodeTtyNr(0), undefined);
  assert.deepEqual(decodeTtyNr(-0x7fffff00 + 5), { major: 1, minor: 0x80005 });
});

test('/proc/devices: several names for a number, spaces in names', () => {
  const drivers = parseDevices(
    'Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/ptmx\n136 pts\n\n' +
      'Block devices:\n  7 loop\n259 blkext\n',
  );
  assert.deepEqual(drivers.character.get(5), ['/dev/tty', '/dev/ptmx']);
  assert.deepEqual(drivers.character.get(136), ['pts']);
  assert.deepEqual(drivers.block.get(259), ['blkext']);
  assert.equal(drivers.block.get(1), undefined);
  assert.throws(() => parseDevices('  1 mem\n'), /cannot be read/);
});
