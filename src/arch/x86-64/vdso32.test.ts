/** The vdso of 32-bit code, as far as it is looked at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, u32Bytes, utf8 } from '../../support/bytes.js';
import { findInt80, findSigreturn32, isVdso32, vdsoBuildId, vdsoSymbols } from './vdso.js';

const u16Bytes = (value: number): Uint8Array => u32Bytes(value).subarray(0, 2);
const words = (...values: number[]): Uint8Array => concat(values.map(u32Bytes));

const [HEADER, PHDR, SHDR, NOTE] = [52, 32, 40, 12 + 4 + 20];
const SHT_DYNSYM = 11;
const SHT_STRTAB = 3;
const NAMES = '\0__kernel_vsyscall\0LINUX_2.5\0';

/** An ELF32 file with a build-id, one function at `value`, and a version's name. */
function elf32(value: number): Uint8Array {
  const [noteAt, namesAt] = [HEADER + PHDR, HEADER + PHDR + NOTE];
  const symbolsAt = namesAt + 32;
  const sectionsAt = symbolsAt + 3 * 16;
  const symbol = (name: number, at: number, shndx: number) =>
    concat([words(name, at, 4), Uint8Array.of(0x12, 0), u16Bytes(shndx)]);
  const section = (type: number, offset: number, size: number, link: number) =>
    words(0, type, 0, 0, offset, size, link, 0, 0, 0);
  return concat([
    Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    concat([3, 3].map(u16Bytes)),
    words(1, 0, HEADER, sectionsAt, 0),
    concat([HEADER, PHDR, 1, SHDR, 3, 0].map(u16Bytes)),
    words(4, noteAt, noteAt, noteAt, NOTE, NOTE, 4, 4),
    words(4, 20, 3),
    utf8('GNU\0'),
    words(1, 2, 3, 4, 5),
    concat([utf8(NAMES), new Uint8Array(32 - NAMES.length)]),
    symbol(0, 0, 0),
    symbol(1, value, 7),
    symbol(19, 0, 0xfff1),
    section(0, 0, 0, 0),
    section(SHT_STRTAB, namesAt, 32, 0),
    section(SHT_DYNSYM, symbolsAt, 48, 1),
  ]);
}

test('functions and the build-id are found in an ELF file of 32-bit code', () => {
  const vdso = elf32(0x5e0);
  assert.equal(isVdso32(vdso), true);
  assert.deepEqual([...vdsoSymbols(vdso)], [['__kernel_vsyscall', 0x5e0]]);
  assert.equal(vdsoBuildId(vdso), [1, 2, 3, 4, 5].map((n) => `0${n}000000`).join(''));
});

test('the ways into the kernel and back are found by their bytes', () => {
  const call = [0xcd, 0x80, 0x5d, 0x5a, 0x59, 0xc3];
  const back = [0xb8, 0xad, 0, 0, 0, 0xcd, 0x80];
  // A call that no `ret` follows is not the one.
  const code = Uint8Array.from([0x90, 0xcd, 0x80, 0x90, ...call, 0x58, ...back]);
  assert.equal(findInt80(code), 4);
  assert.equal(findSigreturn32(code), 11);
  assert.equal(findInt80(code.subarray(5)), undefined);
});
