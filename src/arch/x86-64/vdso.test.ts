import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { test } from 'node:test';
import { puppetElf } from './puppet-elf.js';
import { flagHandler } from './stubs.js';
import {
  findBytes,
  findSigreturn,
  findSyscall,
  findSyscallRet,
  vdsoBuildId,
  vdsoDifferences,
  vdsoSymbols,
  vdsoSyscall,
} from './vdso.js';

/** The vdso of this very process. */
function ownVdso(): Uint8Array {
  const maps = readFileSync('/proc/self/maps', 'utf8');
  const [, start = '', end = ''] = /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(maps) ?? [];
  const bytes = new Uint8Array(Number.parseInt(end, 16) - Number.parseInt(start, 16));
  const fd = openSync('/proc/self/mem', 'r');
  try {
    assert.equal(readSync(fd, bytes, 0, bytes.length, BigInt(`0x${start}`)), bytes.length);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

test('the vdso of this kernel has its functions, a syscall and a build id', () => {
  const vdso = ownVdso();
  const symbols = vdsoSymbols(vdso);
  for (const name of ['__vdso_clock_gettime', '__vdso_gettimeofday', '__vdso_time', 'getcpu']) {
    const at = symbols.get(name);
    assert.ok(at !== undefined && at > 0 && at < vdso.length, name);
  }
  const at = vdsoSyscall(vdso);
  assert.deepEqual([...vdso.subarray(at, at + 2)], [0x0f, 0x05]);
  assert.match(vdsoBuildId(vdso) ?? '', /^[0-9a-f]{40}$/);
});

test('a moved, a missing and a new function are differences', () => {
  const vdso = ownVdso();
  assert.deepEqual(vdsoDifferences(vdso, vdso), []);
  const changed = vdso.slice();
  const name = findBytes(changed, Buffer.from('__vdso_time\0'));
  assert.ok(name !== undefined);
  // 'time' is the end of the same string.
  changed.set(Buffer.from('__vdso_tick'), name);
  assert.deepEqual(vdsoDifferences(vdso, changed), ['__vdso_tick', '__vdso_time', 'tick', 'time']);
});

test('what is no vdso is refused', () => {
  assert.throws(() => vdsoSymbols(new Uint8Array(100)), /not an ELF file/);
  assert.throws(() => vdsoSymbols(puppetElf(0)), /no symbols/);
});

test('borrowed code is found by its bytes', () => {
  const code = Uint8Array.from([0x90, 0x0f, 0x05, 0x90, 0x0f, 0x05, 0xc3]);
  assert.equal(findSyscall(code), 1);
  assert.equal(findSyscallRet(code), 4);
  assert.equal(findSyscallRet(code.subarray(1)), 3);
  assert.equal(findBytes(code, code.subarray(1, 3), 2), 4);
  assert.equal(findSigreturn(code), undefined);
  const handler = flagHandler(0x1000);
  assert.equal(findSigreturn(handler.code), handler.labels.restorer);
  const libc = Uint8Array.from([0xc3, 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05]);
  assert.equal(findSigreturn(libc), 1);
});
