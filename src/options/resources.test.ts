import assert from 'node:assert/strict';
import { test } from 'node:test';
import { externalResource, inheritedFds, parseInheritedFd } from './resources.js';

test('what a dump can leave out, in each spelling', () => {
  assert.equal(externalResource('file[1b:230084]'), 'file[1b:230084]');
  assert.equal(externalResource('pipe[4711]'), 'pipe[4711]');
  assert.equal(externalResource('pipe:[4711]'), 'pipe[4711]');
  assert.equal(externalResource('tty[8803:1a]'), 'tty[8803:1a]');
});

test('block devices of mounts keep their names', () => {
  assert.equal(externalResource('dev[8/1]:disk'), 'dev[8/1]:disk');
  assert.equal(externalResource('dev[disk]:/dev/sda1'), 'dev[disk]:/dev/sda1');
  assert.throws(() => externalResource('dev[8/1]'), { code: 'usage' });
});

test('what is misspelled is refused with the right form', () => {
  const wrong = (text: string, remedy: RegExp) =>
    assert.throws(() => externalResource(text), { code: 'usage', remedy });
  wrong('file[1b]', /file\[1b:230084\]/);
  wrong('file[1b:2]:name', /file\[1b:230084\]/);
  wrong('file[1g:2]', /file\[1b:230084\]/);
  wrong('pipe[x]', /pipe\[4711\]/);
  wrong('/var/log/x', /'tty\[8803:1a\]', 'file\[1b:230084\]', 'pipe\[4711\]'/);
  wrong('flie[1:2]', /'file\[1b:230084\]'/);
});

test('kinds that are to come are refused by what they belong to', () => {
  for (const [text, feature] of [
    ['mnt[]:ms', /mount namespaces/],
    ['mnt[/x]:name', /mount namespaces/],
    ['unix[12]', /unix sockets/],
    ['net[4026531840]:host', /network namespaces/],
    ['pid[4026531836]:host', /pid namespaces/],
    ['veth[eth0]:veth1@br0', /network namespaces/],
  ] as const) {
    assert.throws(() => externalResource(text), { code: 'unsupported', what: feature });
  }
  assert.throws(() => inheritedFds([{ fd: 3, resource: 'socket:[5]' }]), { code: 'unsupported' });
});

test('a descriptor and what it stands for', () => {
  assert.deepEqual(parseInheritedFd('fd[12]:pipe:[4711]'), { fd: 12, resource: 'pipe:[4711]' });
  assert.deepEqual(parseInheritedFd('fd[0]:a:b/c[d]'), { fd: 0, resource: 'a:b/c[d]' });
  for (const text of ['', 'fd[3]', 'fd[3]:', 'fd[]:x', 'fd[-1]:x', '3:x', 'fd[ 3]:x']) {
    assert.throws(() => parseInheritedFd(text), { code: 'usage', remedy: /fd\[9\]:pipe\[4711\]/ });
  }
});

test('resources are told by one spelling, paths from the root directory', () => {
  const names = ['pipe:[1]', 'var/log/x', '/var/log/y', '/memfd:z', 'file[1b:2]', 'tty[8803:1a]'];
  assert.deepEqual(
    inheritedFds(names.map((resource) => ({ fd: 3, resource }))).map(({ resource }) => resource),
    ['pipe[1]', '/var/log/x', '/var/log/y', '/memfd:z', 'file[1b:2]', 'tty[8803:1a]'],
  );
});

test('a resource that is handed in twice is refused, whatever the spelling', () => {
  for (const [one, other] of [
    ['pipe[1]', 'pipe:[1]'],
    ['var/x', '/var/x'],
  ] as const) {
    const given = [one, other].map((resource, i) => ({ fd: 5 + i, resource }));
    assert.throws(() => inheritedFds(given), { code: 'usage', what: /descriptors 5 and 6/ });
  }
});

test('a number that is none of a descriptor is refused', () => {
  for (const fd of [-1, 1.5, Number.NaN]) {
    assert.throws(() => inheritedFds([{ fd, resource: 'x' }]), { code: 'usage' });
  }
});
