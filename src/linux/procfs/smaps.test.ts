import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseVmFlags, unknownVmFlags } from './smaps.js';

// Linux 6.18, shortened but for what could mislead.
const SMAPS = `55dcea5f9000-55dcea5fb000 r--p 00000000 fe:00 260386       /VmFlags: rd
Size:                  8 kB
KernelPageSize:        4 kB
THPeligible:           0
VmFlags: rd mr mw me 
55dcea5fb000-55dcea601000 r-xp 00002000 fe:00 260386                     /usr/bin/head
Size:                 24 kB
THPeligible:           0
ProtectionKey:         0
VmFlags: rd ex mr mw me 
7ffc2f091000-7ffc2f0b2000 rw-p 00000000 00:00 0                          [stack]
Size:                132 kB
VmFlags: rd wr mr mw me gd ac 
7ffc2f0b3000-7ffc2f0b4000 r--p 00000000 00:00 0 
Size:                  4 kB
VmFlags: rd mr mw me 
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Size:                  4 kB
VmFlags: ex 
`;

test('each mapping has its flags', () => {
  const flags = parseVmFlags(SMAPS);
  assert.equal(flags.size, 5);
  assert.deepEqual([...(flags.get(0x55dcea5f9000) ?? [])], ['rd', 'mr', 'mw', 'me']);
  assert.deepEqual([...(flags.get(0x55dcea5fb000) ?? [])], ['rd', 'ex', 'mr', 'mw', 'me']);
  assert.equal(flags.get(0x7ffc2f091000)?.has('gd'), true);
  assert.deepEqual([...(flags.get(0xffffffffff600000) ?? [])], ['ex']);
});

test('equal flags are one set', () => {
  const flags = parseVmFlags(SMAPS);
  assert.equal(flags.get(0x55dcea5f9000), flags.get(0x7ffc2f0b3000));
});

test('flags of a newer kernel are kept and can be named', () => {
  const [flags] = parseVmFlags(
    '1000-2000 rw-p 00000000 00:00 0 \nVmFlags: rd zz ?? sl \n',
  ).values();
  assert.ok(flags);
  assert.deepEqual(unknownVmFlags(flags), ['zz', '??']);
});

test('a record without flags, or with longer ones, is refused', () => {
  assert.throws(
    () => parseVmFlags('1000-2000 rw-p 00000000 00:00 0 \nSize: 4 kB\n'),
    /cannot be read/,
  );
  assert.throws(
    () => parseVmFlags('1000-2000 rw-p 00000000 00:00 0 \nVmFlags: rd wrx \n'),
    /line that cannot be read: "VmFlags: rd wrx "/,
  );
  assert.throws(() => parseVmFlags('Size: 4 kB\n'), /line that cannot be read: "Size: 4 kB"/);
});
