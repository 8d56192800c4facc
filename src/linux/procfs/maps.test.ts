import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../uapi/mman.js';
import { anonName, parseMaps } from './maps.js';

// Linux 6.18.
const MAPS = `556e96f3d000-556e96f3e000 r-xp 00001000 fe:00 26723                      /bin/cat
556ed11e0000-556ed13f9000 rw-p 00000000 00:00 0                          [heap]
7f154265c000-7f154275c000 rw-p 00000000 00:00 0 
7f15435ba000-7f15435bb000 rw-s 00000000 00:01 1027                       /dev/zero (deleted)
7f1543604000-7f1543605000 rw-s 00000000 00:01 0                          /SYSV00000000 (deleted)
7f1543605000-7f1543606000 rw-s 00000000 fe:00 2149653                    /a b\\012c\\x (deleted)
7f1543606000-7f154360d000 ---p 7ffffffff000 103:01 338846                /usr/lib/libc.so.6
7f154360f000-7f1543613000 r--p 00000000 00:00 0                          [vvar]
7f1543613000-7f1543615000 r--p 00000000 00:00 0                          [vvar_vclock]
7f1543615000-7f1543617000 r-xp 00000000 00:00 0                          [vdso]
7f1543700000-7f1543701000 rw-p 00000000 00:00 0                          [anon:my arena]
7f1543701000-7f1543702000 rw-s 00000000 00:01 9                          [anon_shmem:ring]
7f1543702000-7f1543703000 rw-s 00000000 00:0f 1038                       anon_inode:[perf_event]
7f1543703000-7f1543704000 --xp 00000000 00:00 0                          [uprobes]
7fffd3c84000-7fffd3ca5000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

const named = (suffix: string) => {
  const mapping = parseMaps(MAPS).find(({ name }) => name.endsWith(suffix));
  assert.ok(mapping, suffix);
  return mapping;
};

test('every line is a mapping', () => {
  assert.equal(parseMaps(MAPS).length, 16);
  assert.deepEqual(parseMaps(''), []);
});

test('a file mapping', () => {
  assert.deepEqual(parseMaps(MAPS)[0], {
    start: 0x556e96f3d000,
    end: 0x556e96f3e000,
    prot: PROT_READ | PROT_EXEC,
    shared: false,
    pgoff: 0x1000,
    major: 0xfe,
    minor: 0,
    inode: 26723n,
    name: '/bin/cat',
    label: undefined,
    path: '/bin/cat',
    deleted: false,
  });
});

test('plain anonymous memory has no name', () => {
  const mapping = parseMaps(MAPS)[2];
  assert.equal(mapping?.name, '');
  assert.equal(mapping?.path, undefined);
  assert.equal(mapping?.label, undefined);
  assert.equal(mapping?.inode, 0n);
  assert.equal(mapping?.prot, PROT_READ | PROT_WRITE);
});

test('the vsyscall page lies exactly where it is', () => {
  const { start, end, label, prot } = named('[vsyscall]');
  assert.equal(BigInt(start), 0xffffffffff600000n);
  assert.equal(BigInt(end), 0xffffffffff601000n);
  assert.equal(label, '[vsyscall]');
  assert.equal(prot, PROT_EXEC);
});

test('what the kernel names is a label and not a path', () => {
  for (const label of ['[heap]', '[vvar]', '[vvar_vclock]', '[vdso]', '[uprobes]', '[stack]']) {
    assert.equal(named(label).label, label);
    assert.equal(named(label).path, undefined);
  }
});

test('names given to anonymous memory', () => {
  assert.equal(anonName(named('[anon:my arena]')), 'my arena');
  assert.equal(anonName(named('[anon_shmem:ring]')), 'ring');
  assert.equal(anonName(named('[heap]')), undefined);
  assert.equal(anonName(named('/usr/lib/libc.so.6')), undefined);
});

test('a deleted file has its path without the mark, and its name with it', () => {
  const { path, deleted, name, shared } = named('/dev/zero (deleted)');
  assert.deepEqual({ path, deleted, shared }, { path: '/dev/zero', deleted: true, shared: true });
  assert.equal(name, '/dev/zero (deleted)');
  assert.equal(named('/SYSV00000000 (deleted)').path, '/SYSV00000000');
});

test('only newlines are decoded: backslashes are not escaped in maps', () => {
  assert.equal(named('\\x (deleted)').path, '/a b\nc\\x');
});

test('only one mark is taken off a file whose own name ends in it', () => {
  const [mapping] = parseMaps('1000-2000 r--p 00000000 fe:00 7        /a (deleted) (deleted)\n');
  assert.equal(mapping?.path, '/a (deleted)');
});

test('device numbers are hexadecimal, offsets reach far, no access is no prot', () => {
  const { major, minor, pgoff, prot } = named('libc.so.6');
  assert.deepEqual(
    { major, minor, pgoff, prot },
    { major: 0x103, minor: 1, pgoff: 0x7ffffffff000, prot: 0 },
  );
});

test('an inode number above 2^53 is exact, next to others', () => {
  const lines = ['9223372036854775809', '9223372036854775810', '5', '5', '0', '6'];
  const text = lines
    .map((ino, i) => `${i + 1}000-${i + 2}000 r--p 00000000 00:2a ${ino} /f\n`)
    .join('');
  assert.deepEqual(
    parseMaps(text).map(({ inode }) => inode),
    lines.map(BigInt),
  );
});

test('neighbours with equal columns share them, nearly equal ones do not', () => {
  const columns = [
    'fe:00 7 /a',
    'fe:00 7 /a',
    'fe:00 7 /ab',
    'fe:00 7 /a',
    'fe:00 77 /a',
    'fe:00 7',
  ];
  const text = columns.map((column, i) => `${i + 1}000-${i + 2}000 r--p 0000${i}000 ${column}\n`);
  assert.deepEqual(
    parseMaps(text.join('').trimEnd()).map(({ inode, path, pgoff }) => [inode, path, pgoff]),
    [
      [7n, '/a', 0],
      [7n, '/a', 0x1000],
      [7n, '/ab', 0x2000],
      [7n, '/a', 0x3000],
      [77n, '/a', 0x4000],
      [7n, undefined, 0x5000],
    ],
  );
});

test('a pseudo file and an unreachable one are paths', () => {
  assert.equal(named('anon_inode:[perf_event]').path, 'anon_inode:[perf_event]');
  const [mapping] = parseMaps('1000-2000 r--p 00000000 fe:00 7        (unreachable)/a\n');
  assert.equal(mapping?.path, '(unreachable)/a');
});

test('the last line may lack its newline', () => {
  assert.equal(parseMaps('1000-2000 rw-p 00000000 00:00 0')[0]?.name, '');
  assert.equal(parseMaps('1000-2000 rw-p 00000000 00:00 0 [heap]')[0]?.label, '[heap]');
});

for (const line of [
  '1000 rw-p 00000000 00:00 0',
  '1000-2000 rw-x 00000000 00:00 0',
  '1000-2000 wr-p 00000000 00:00 0',
  '1000-2000 rw-p 0000000g 00:00 0',
  '1000-2000 rw-p 00000000 0000 0',
  '1000-2000 rw-p 00000000 00:00 x',
  '1000-2000 rw-p 00000000 00:00',
  '1000-2000 rw-p 00000000 00:00 0x',
  '2000-1000 rw-p 00000000 00:00 0',
  'ffffffffff600001-ffffffffff601000 rw-p 00000000 00:00 0',
  '',
]) {
  test(`refuses the line "${line}"`, () => {
    assert.throws(() => parseMaps(`0-1000 rw-p 00000000 00:00 0 \n${line}\n`), {
      message: `/proc/PID/maps has a line that cannot be read: ${JSON.stringify(line)}`,
    });
  });
}
