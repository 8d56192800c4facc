/**
 * A small assembler for the few x86-64 programs that woodfrog emits. Every instruction carries its listing text, in
 * the Intel syntax that `objdump -M intel` prints, so a test can compare what was meant with what a disassembler
 * reads. Jumps are relative and name labels; nothing else refers to an address, so code is position-independent.
 */
import { assert } from '../../support/assert.js';
import { toWord, u64Bytes } from '../../support/bytes.js';

const REGISTERS_64 = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;
const REGISTERS_32 = [
  'eax',
  'ecx',
  'edx',
  'ebx',
  'esp',
  'ebp',
  'esi',
  'edi',
  'r8d',
  'r9d',
  'r10d',
  'r11d',
  'r12d',
  'r13d',
  'r14d',
  'r15d',
] as const;
const REGISTERS_8 = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'] as const;

export type Register64 = (typeof REGISTERS_64)[number];
export type Register32 = (typeof REGISTERS_32)[number];
export type Register8 = (typeof REGISTERS_8)[number];
type Register = Register64 | Register32;

/** A memory operand: [base + displacement], the displacement in -128..127. */
export interface Memory {
  readonly base: Register64;
  readonly displacement: number;
}

export type Instruction =
  | { readonly label: string }
  | { readonly bytes: readonly number[]; readonly text: string }
  | { readonly jump: keyof typeof JUMPS; readonly to: string };

/** One emitted instruction. `target` is the label that a jump names; `text` holds its offset. */
export interface ListingLine {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
  readonly target?: string;
}

export interface Assembled {
  readonly code: Uint8Array;
  /** Offset of each label from the start of the code. */
  readonly labels: Readonly<Record<string, number>>;
  readonly listing: readonly ListingLine[];
}

/** Short jumps reach -128..127 bytes; `jmp near` reaches all. */
const JUMPS = {
  jmp: { opcode: 0xeb, length: 2 },
  je: { opcode: 0x74, length: 2 },
  jne: { opcode: 0x75, length: 2 },
  jae: { opcode: 0x73, length: 2 },
  'jmp near': { opcode: 0xe9, length: 5 },
} as const;

/** Turns a program into bytes. A jump out of range or to no label is a bug. */
export function assemble(program: readonly Instruction[]): Assembled {
  const labels: Record<string, number> = {};
  let at = 0;
  for (const item of program) {
    if ('label' in item) {
      assert(labels[item.label] === undefined, `Label '${item.label}' is defined twice`);
      labels[item.label] = at;
    } else {
      at += 'jump' in item ? JUMPS[item.jump].length : item.bytes.length;
    }
  }
  const code: number[] = [];
  const listing: ListingLine[] = [];
  for (const item of program) {
    if ('label' in item) continue;
    const offset = code.length;
    if ('jump' in item) {
      const to = labels[item.to];
      assert(to !== undefined, `A jump names '${item.to}', which is not a label`);
      const { opcode, length } = JUMPS[item.jump];
      const distance = to - (offset + length);
      code.push(opcode, ...(length === 2 ? [signed8(distance)] : unsigned32(distance >>> 0)));
      const text = `${item.jump.split(' ')[0]} ${hex(to)}`;
      listing.push({ offset, length, text, target: item.to });
    } else {
      code.push(...item.bytes);
      listing.push({ offset, length: item.bytes.length, text: item.text });
    }
  }
  return { code: Uint8Array.from(code), labels, listing };
}

/** The listing as a person reads it: labels on lines of their own. */
export function formatListing({ labels, listing }: Assembled): string {
  const names = Object.entries(labels);
  return listing
    .flatMap(({ offset, text, target }) => [
      ...names.filter(([, at]) => at === offset).map(([name]) => `${name}:`),
      `  ${offset.toString(16).padStart(4)}  ${target ? `${text.split(' ')[0]} ${target}` : text}`,
    ])
    .join('\n');
}

export const label = (name: string): Instruction => ({ label: name });
export const jmp = (to: string): Instruction => ({ jump: 'jmp', to });
export const jmpNear = (to: string): Instruction => ({ jump: 'jmp near', to });
export const je = (to: string): Instruction => ({ jump: 'je', to });
export const jne = (to: string): Instruction => ({ jump: 'jne', to });
/** Jump if above or equal: unsigned. */
export const jae = (to: string): Instruction => ({ jump: 'jae', to });

const plain = (text: string, bytes: readonly number[]): Instruction => ({ text, bytes });

export const syscallInstruction = plain('syscall', [0x0f, 0x05]);
/** A system call of 32-bit code; see ia32.ts. */
export const int80 = plain('int 0x80', [0xcd, 0x80]);
export const cpuid = plain('cpuid', [0x0f, 0xa2]);
export const ret = plain('ret', [0xc3]);
export const pushRbx = plain('push rbx', [0x53]);
export const popRbx = plain('pop rbx', [0x5b]);

export const memory = (base: Register64, displacement = 0): Memory => ({ base, displacement });

/** mov to, from: between two registers of one width. */
export const move = (to: Register, from: Register): Instruction => registers('mov', 0x89, to, from);
/** cmp left, right. */
export const compare = (left: Register, right: Register): Instruction =>
  registers('cmp', 0x39, left, right);
/** xor to, to. */
export const zero = (to: Register32): Instruction => registers('xor', 0x31, to, to);
/** test register, register. */
export const testSelf = (register: Register): Instruction =>
  registers('test', 0x85, register, register);

/** mov to, [from]: 8 or 4 bytes, as the register is wide. */
export const load = (to: Register, from: Memory): Instruction => {
  const { number, wide } = registerOf(to);
  return plain(`mov ${to},${memoryText(from, wide)}`, withMemory(0x8b, number, wide, from));
};

/** mov [to], from. */
export const store = (to: Memory, from: Register): Instruction => {
  const { number, wide } = registerOf(from);
  return plain(`mov ${memoryText(to, wide)},${from}`, withMemory(0x89, number, wide, to));
};

/** mov byte [base], value. */
export const storeByte = ({ base, displacement }: Memory, value: number): Instruction =>
  plain(`mov BYTE PTR ${addressText({ base, displacement })},${hex(value)}`, [
    ...withMemory(0xc6, 0, false, { base, displacement }),
    value,
  ]);

/** mov to, value: zero-extended to 64 bits. */
export const moveImmediate32 = (to: Register32, value: number): Instruction => {
  const { number } = registerOf(to);
  const rex = number >= 8 ? [0x41] : [];
  return plain(`mov ${to},${hex(value)}`, [...rex, 0xb8 + (number % 8), ...unsigned32(value)]);
};

/** movabs to, value: all 64 bits. */
export const moveImmediate64 = (to: Register64, value: number | bigint): Instruction => {
  const { number } = registerOf(to);
  return plain(`movabs ${to},0x${toWord(value).toString(16)}`, [
    number >= 8 ? 0x49 : 0x48,
    0xb8 + (number % 8),
    ...u64Bytes(value),
  ]);
};

/** test register, mask: sets the zero flag when no bit of the mask is set. */
export const testByte = (register: Register8, mask: number): Instruction =>
  plain(`test ${register},${hex(mask)}`, [0xf6, 0xc0 + REGISTERS_8.indexOf(register), mask]);

/** cmp rax, value: the value is sign-extended from 32 bits. */
export const compareRax = (value: number): Instruction => {
  const word = toWord(value).toString(16);
  return plain(`cmp rax,0x${word}`, [0x48, 0x3d, ...unsigned32(value >>> 0)]);
};

/** add to, value: 0..127. */
export const addImmediate = (to: Register64, value: number): Instruction => {
  const { number } = registerOf(to);
  const rex = number >= 8 ? 0x49 : 0x48;
  return plain(`add ${to},${hex(value)}`, [rex, 0x83, 0xc0 + (number % 8), signed8(value)]);
};

/** neg register. */
export const negate = (register: Register32): Instruction => {
  const { number } = registerOf(register);
  assert(number < 8, `neg of ${register} is not encoded`);
  return plain(`neg ${register}`, [0xf7, 0xd8 + number]);
};

const hex = (value: number): string => `0x${value.toString(16)}`;

function registerOf(name: Register): { number: number; wide: boolean } {
  const number = REGISTERS_64.indexOf(name as Register64);
  if (number >= 0) return { number, wide: true };
  return { number: REGISTERS_32.indexOf(name as Register32), wide: false };
}

function registers(mnemonic: string, opcode: number, to: Register, from: Register): Instruction {
  const left = registerOf(to);
  const right = registerOf(from);
  assert(left.wide === right.wide, `${mnemonic} ${to},${from} mixes widths`);
  const rex = rexPrefix(left.wide, right.number, left.number);
  const modrm = 0xc0 + (right.number % 8) * 8 + (left.number % 8);
  return plain(`${mnemonic} ${to},${from}`, [...rex, opcode, modrm]);
}

function rexPrefix(wide: boolean, register: number, base: number): number[] {
  const rex = 0x40 + (wide ? 8 : 0) + (register >= 8 ? 4 : 0) + (base >= 8 ? 1 : 0);
  return rex === 0x40 ? [] : [rex];
}

/** Opcode, ModRM, SIB where rsp and r12 need one, and a displacement unless it is zero and rbp and r13 are not meant. */
function withMemory(opcode: number, register: number, wide: boolean, at: Memory): number[] {
  const base = registerOf(at.base).number;
  const short = at.displacement === 0 && base % 8 !== 5;
  const modrm = (short ? 0 : 0x40) + (register % 8) * 8 + (base % 8);
  return [
    ...rexPrefix(wide, register, base),
    opcode,
    modrm,
    ...(base % 8 === 4 ? [0x24] : []),
    ...(short ? [] : [signed8(at.displacement)]),
  ];
}

function addressText({ base, displacement }: Memory): string {
  if (displacement === 0) return base === 'rbp' || base === 'r13' ? `[${base}+0x0]` : `[${base}]`;
  return `[${base}${displacement < 0 ? '-' : '+'}${hex(Math.abs(displacement))}]`;
}

const memoryText = (at: Memory, wide: boolean): string =>
  `${wide ? 'QWORD' : 'DWORD'} PTR ${addressText(at)}`;

function signed8(value: number): number {
  assert(value >= -128 && value <= 127, `${value} does not fit a signed byte`);
  return value & 0xff;
}

function unsigned32(value: number): number[] {
  assert(value >= 0 && value <= 0xffff_ffff, `${value} does not fit 32 bits`);
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
