import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Assembled,
  addImmediate,
  assemble,
  compare,
  compareRax,
  formatListing,
  jae,
  je,
  jmp,
  jmpNear,
  jne,
  label,
  load,
  memory,
  move,
  moveImmediate32,
  moveImmediate64,
  negate,
  ret,
  store,
  storeByte,
  syscallInstruction,
  testByte,
  testSelf,
  zero,
} from './assembler.js';
import { puppetProgram } from './puppet-elf.js';
import { cloneExecStub, cloneTapeStub, cpuidStub, flagHandler, wakeHandler } from './stubs.js';
import { tapeInterpreter } from './tape-interpreter.js';

/** What objdump reads: one line per instruction, its offset, length and text, spaces made single. */
function disassemble(code: Uint8Array): { offset: number; length: number; text: string }[] {
  const folder = mkdtempSync(join(tmpdir(), 'assembler-'));
  try {
    const file = join(folder, 'code.bin');
    writeFileSync(file, code);
    const args = ['-D', '-b', 'binary', '-mi386:x86-64', '-M', 'intel', '-w', file];
    const lines = execFileSync('objdump', args, { encoding: 'utf8' }).split('\n');
    return lines.flatMap((line) => {
      const match = /^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t(.*)$/.exec(line);
      if (!match) return [];
      const [, offset = '', bytes = '', text = ''] = match;
      return [
        {
          offset: Number.parseInt(offset, 16),
          length: bytes.trim().split(' ').length,
          text: text.replace(/ +/g, ' ').trim(),
        },
      ];
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function assertListing({ code, listing }: Assembled): void {
  const meant = listing.map(({ offset, length, text }) => ({ offset, length, text }));
  assert.deepEqual(disassemble(code), meant);
}

const everyForm = assemble([
  label('start'),
  move('rax', 'r15'),
  move('r9', 'rsp'),
  move('r10d', 'eax'),
  move('edi', 'edx'),
  compare('rax', 'rdx'),
  compare('r8', 'r12'),
  zero('eax'),
  zero('r11d'),
  testSelf('rax'),
  testSelf('r13'),
  load('rax', memory('rsp')),
  load('rax', memory('rbp')),
  load('rax', memory('r12', 8)),
  load('rax', memory('r13')),
  load('r8d', memory('rbx', -128)),
  load('r15', memory('r14', 127)),
  store(memory('rsp', 56), 'rax'),
  store(memory('rdi'), 'r9d'),
  storeByte(memory('rax'), 1),
  storeByte(memory('rsp', 4), 127),
  moveImmediate32('eax', 231),
  moveImmediate32('r8d', 0xffff_ffff),
  moveImmediate64('rax', 0x7fff_1234_5678),
  moveImmediate64('r10', -1),
  testByte('cl', 0x80),
  testByte('ch', 1),
  compareRax(-4095),
  addImmediate('rsp', 64),
  addImmediate('r15', 1),
  negate('eax'),
  label('here'),
  je('here'),
  jne('end'),
  jae('end'),
  jmp('here'),
  jmpNear('start'),
  jmpNear('end'),
  syscallInstruction,
  label('end'),
  ret,
]);

const programs: Record<string, Assembled> = {
  'every operand form': everyForm,
  'the tape interpreter': tapeInterpreter,
  'the clone stub': cloneExecStub,
  'the cpuid stub': cpuidStub,
  'the flag handler': flagHandler(0x7f00_1234_5000),
  'the wake handler': wakeHandler,
  'the clone stub with a tape': cloneTapeStub,
  'the puppet': puppetProgram(1023),
};

for (const [name, program] of Object.entries(programs)) {
  test(`a disassembler reads ${name} as it is listed`, () => assertListing(program));
}

test('a jump that does not reach its label is refused', () => {
  const far = Array.from({ length: 20 }, () => moveImmediate64('rax', 0));
  assert.throws(() => assemble([jmp('end'), ...far, label('end')]), /does not fit a signed byte/);
  assert.throws(() => assemble([jmp('nowhere')]), /'nowhere', which is not a label/);
  assert.throws(() => assemble([label('a'), label('a')]), /'a' is defined twice/);
});

test('operands that have no encoding are refused', () => {
  assert.throws(() => move('rax', 'edx'), /mixes widths/);
  assert.throws(() => load('rax', memory('rdi', 128)), /does not fit a signed byte/);
  assert.throws(() => moveImmediate32('eax', 2 ** 32), /does not fit 32 bits/);
});

test('a listing shows labels and where jumps lead', () => {
  const text = formatListing(assemble([label('again'), syscallInstruction, jmp('again')]));
  assert.equal(text, 'again:\n     0  syscall\n     2  jmp again');
});
