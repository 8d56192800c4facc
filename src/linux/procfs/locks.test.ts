import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLock, parseLocks } from './locks.js';

// Linux 6.18.
const LOCKS = `1: LEASE  ACTIVE    READ 10334 fe:00:2146485 0 EOF
2: OFDLCK ADVISORY  WRITE -1 fe:00:2146434 0 EOF
3: FLOCK  ADVISORY  WRITE 10334 fe:00:2146419 0 EOF
3: -> FLOCK  ADVISORY  WRITE 10377 fe:00:2146419 0 EOF
3:  -> FLOCK  ADVISORY  READ 10378 fe:00:2146419 0 EOF
4: POSIX  ADVISORY  WRITE 8109 fe:00:2149652 5 14
`;

test('locks held and waited for', () => {
  const locks = parseLocks(LOCKS);
  assert.deepEqual(
    locks.map(({ kind, blocked, access, pid }) => [kind, blocked, access, pid]),
    [
      ['LEASE', false, 'READ', 10334],
      ['OFDLCK', false, 'WRITE', -1],
      ['FLOCK', false, 'WRITE', 10334],
      ['FLOCK', true, 'WRITE', 10377],
      ['FLOCK', true, 'READ', 10378],
      ['POSIX', false, 'WRITE', 8109],
    ],
  );
  assert.equal(locks[0]?.mode, 'ACTIVE');
});

test('a range, and the inode whose number is the only decimal one', () => {
  const lock = parseLock('4: POSIX  ADVISORY  WRITE 8109 fe:10:2149652 5 14');
  assert.deepEqual(lock, {
    ...{ id: 4, blocked: false, kind: 'POSIX', mode: 'ADVISORY', access: 'WRITE', pid: 8109 },
    file: { major: 0xfe, minor: 0x10, inode: 2149652n },
    start: 5,
    end: 14,
  });
  assert.equal(parseLock('1: POSIX MANDATORY READ 9 fe:00:1 0 EOF').end, undefined);
  assert.equal(parseLock('1: LEASE BREAKING UNLCK 9 <none>:0 0 EOF').file, undefined);
});

for (const line of [
  '4: MUTEX  ADVISORY  WRITE 8109 fe:00:2149652 5 14',
  '4: POSIX  ADVISORY  PEEK 8109 fe:00:2149652 5 14',
  '4: POSIX  ADVISORY  WRITE 8109 fe:00 5 14',
  '4: POSIX  ADVISORY  WRITE 8109 fe:00:2149652 5',
  '4: POSIX  ADVISORY  WRITE 8109 fe:00:2149652 5 14 15',
]) {
  test(`refuses "${line}"`, () => {
    assert.throws(
      () => parseLocks(`${line}\n`),
      /\/proc\/locks has a line that cannot be read: "4: /,
    );
  });
}
