import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountinfo, splitOptions } from './mountinfo.js';

const one = (line: string) => {
  const [mount] = parseMountinfo(`${line}\n`);
  assert.ok(mount);
  return mount;
};

test('a mount without optional fields', () => {
  assert.deepEqual(one('27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard,resuid=65534'), {
    mntId: 27,
    parentId: 1,
    major: 254,
    minor: 0,
    root: '/',
    rootDeleted: false,
    mountpoint: '/',
    options: ['rw', 'relatime'],
    shared: undefined,
    master: undefined,
    propagateFrom: undefined,
    unbindable: false,
    fstype: 'ext4',
    source: '/dev/vda',
    superOptions: 'rw,discard,resuid=65534',
  });
});

test('propagation', () => {
  const mount = one('9 8 0:33 / /mnt rw shared:12 master:3 propagate_from:2 - tmpfs none rw');
  assert.equal(mount.shared, 12);
  assert.equal(mount.master, 3);
  assert.equal(mount.propagateFrom, 2);
  assert.equal(mount.unbindable, false);
  assert.equal(one('9 8 0:33 / /mnt rw unbindable - tmpfs none rw').unbindable, true);
});

test('space, tab, backslash and hash are decoded in paths and sources', () => {
  // Captured on Linux 6.18.
  const mount = one('42 27 0:39 / /tmp/m\\040t rw,relatime - tmpfs tm\\134\\040p\\011 rw,size=4k');
  assert.equal(mount.mountpoint, '/tmp/m t');
  assert.equal(mount.source, 'tm\\ p\t');
});

test('a bound namespace, a deleted directory, an empty source', () => {
  assert.equal(one('9 8 0:4 net:[4026532] /run/netns/a rw - nsfs nsfs rw').root, 'net:[4026532]');
  const deleted = one('9 8 254:0 /a/b//deleted /mnt rw - ext4 /dev/vda rw');
  assert.equal(deleted.root, '/a/b');
  assert.equal(deleted.rootDeleted, true);
  const empty = one('9 8 0:33 / /mnt rw - tmpfs  rw');
  assert.equal(empty.source, '');
  assert.equal(empty.superOptions, 'rw');
});

test('a mount point named like the separator does not mislead', () => {
  const mount = one('9 8 0:33 /- - rw shared:1 - fuse.sshfs host:/- rw');
  assert.equal(mount.mountpoint, '-');
  assert.equal(mount.fstype, 'fuse.sshfs');
});

test('options are decoded after they are split', () => {
  assert.deepEqual(splitOptions('rw,lowerdir=/a\\054b:/c\\040d'), ['rw', 'lowerdir=/a,b:/c d']);
  assert.deepEqual(splitOptions(''), []);
});

for (const line of [
  '27 1 254 / / rw - ext4 /dev/vda rw',
  '27 1 254:0 / / rw ext4 /dev/vda rw',
  '27 1 254:0 / / rw - ext4 /dev/vda',
  '27 1 254:0 / / rw - ext4 /dev/vda rw more',
  '27 1 254:0 / / rw sideways:3 - ext4 /dev/vda rw',
  '27 1 254:0 / / rw shared:x - ext4 /dev/vda rw',
  'x 1 254:0 / / rw - ext4 /dev/vda rw',
]) {
  test(`refuses "${line}"`, () => {
    const what = `/proc/PID/mountinfo has a line that cannot be read: ${JSON.stringify(line)}`;
    assert.throws(() => parseMountinfo(`${line}\n`), { message: what });
  });
}
