/**
 * The tape: records {system call, six arguments, result} in a task's own memory, and the interpreter that runs them.
 *   rsp  the record being run: no stack exists, so clone3's `stack` argument starts a child on a tape of its own
 *   r15  the epilogue's first record, where a failed record jumps; its records must not fail onward (no TAPE_ON_ERROR)
 * Every other register is lost. All signals must be blocked: a signal frame would overwrite the records below rsp.
 * A child that shares no tape with its parent starts on a dummy record: its result becomes 0, then its own records
 * run. It inherits r15, so the dummy carries TAPE_SET_EPILOGUE, or its failure would run the parent's epilogue.
 */
import { assert } from '../../support/assert.js';
import { setU64, viewOf } from '../../support/bytes.js';
import {
  addImmediate,
  assemble,
  compare,
  compareRax,
  type Instruction,
  int80,
  jae,
  je,
  jmpNear,
  jne,
  label,
  load,
  memory,
  move,
  type Register64,
  store,
  syscallInstruction,
  testByte,
} from './assembler.js';

export const RECORD_SIZE = 64;
/** Offset of the result word within a record. */
export const RECORD_RESULT_OFFSET = 56;
/** Offset of argument i within a record. */
export const recordArgOffset = (index: number): number => 8 + 8 * index;

/** Argument `index` is the address of a u64 to load: an earlier result, or a field that a system call wrote. */
export const TAPE_INDIRECT_ARG = (index: number): number => 1 << index;
/** A result in -4095..-1 jumps to the epilogue. */
export const TAPE_ON_ERROR = 0x40;
/** The result word holds the expected value; another result is stored, then the tape jumps to the epilogue. */
export const TAPE_MUST_EQUAL = 0x80;
/** The last record, rt_sigreturn: argument 0 is the address of the ucontext of the frame to return to. */
export const TAPE_END = 0x100;
/** After a call that did not fail, argument 5 is the address of the epilogue from here on. */
export const TAPE_SET_EPILOGUE = 0x200;
/** The call is one of 32-bit code: the number is NR_IA32's, arguments are cut to 32 bits, structs are such code's. */
export const TAPE_IA32 = 0x400;

/** What a result word holds until its record has run: no system call returns it. */
export const POISON = 0x5eed_0bad_dead_f09dn;

const NR_RT_SIGRETURN = 15;
const ERRNO_MAX = 4095;
const ARGUMENTS: readonly Register64[] = ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9'];

const loadArguments = (): Instruction[] =>
  ARGUMENTS.map((register, i) => load(register, memory('rsp', recordArgOffset(i))));

const followIndirections = (): Instruction[] =>
  ARGUMENTS.flatMap((register, i) => [
    testByte('cl', TAPE_INDIRECT_ARG(i)),
    je(`argument${i}`),
    load(register, memory(register)),
    label(`argument${i}`),
  ]);

/** Begins with the first record, at `record`. */
export const tapeInstructions: readonly Instruction[] = [
  label('record'),
  load('eax', memory('rsp', 0)),
  load('ecx', memory('rsp', 4)),
  ...loadArguments(),
  ...followIndirections(),
  testByte('ch', TAPE_IA32 >> 8),
  jne('ia32'),
  testByte('ch', TAPE_END >> 8),
  je('call'),
  move('rsp', 'rdi'),
  label('call'),
  syscallInstruction,
  label('called'),
  // The flags are read again: syscall destroyed rcx, and in a clone3 child rsp is another record.
  load('ecx', memory('rsp', 4)),
  load('rdx', memory('rsp', RECORD_RESULT_OFFSET)),
  store(memory('rsp', RECORD_RESULT_OFFSET), 'rax'),
  testByte('cl', TAPE_MUST_EQUAL),
  je('may-differ'),
  compare('rax', 'rdx'),
  jne('fail'),
  label('may-differ'),
  testByte('cl', TAPE_ON_ERROR),
  je('succeeded'),
  compareRax(-ERRNO_MAX),
  jae('fail'),
  label('succeeded'),
  testByte('ch', TAPE_SET_EPILOGUE >> 8),
  je('next'),
  load('r15', memory('rsp', recordArgOffset(5))),
  label('next'),
  addImmediate('rsp', RECORD_SIZE),
  jmpNear('record'),
  label('fail'),
  move('rsp', 'r15'),
  jmpNear('record'),
  label('ia32'),
  move('ebx', 'edi'),
  move('ecx', 'esi'),
  move('esi', 'r10d'),
  move('edi', 'r8d'),
  move('ebp', 'r9d'),
  int80,
  jmpNear('called'),
];

/** The interpreter: enter at offset 0 with rsp and r15 set. `labels.call` is its only `syscall` instruction. */
export const tapeInterpreter = assemble(tapeInstructions);

export interface TapeRecord {
  readonly nr: number;
  /** TAPE_* bits; none when absent. */
  readonly flags?: number;
  /** Up to six arguments; the missing ones are 0. */
  readonly args?: readonly (number | bigint)[];
  /** The expected value with TAPE_MUST_EQUAL; POISON when absent. */
  readonly result?: number | bigint;
}

/** Writes one record of RECORD_SIZE bytes at `offset`. */
export function encodeRecord(view: DataView, offset: number, record: TapeRecord): void {
  const { nr, flags = 0, args = [], result } = record;
  assert(args.length <= ARGUMENTS.length, `A tape record has ${args.length} arguments`);
  assert((flags & TAPE_MUST_EQUAL) === 0 || result !== undefined, 'MUST_EQUAL without a value');
  assert((flags & TAPE_END) === 0 || nr === NR_RT_SIGRETURN, 'A tape ends in rt_sigreturn');
  view.setUint32(offset, nr, true);
  view.setUint32(offset + 4, flags, true);
  for (let i = 0; i < ARGUMENTS.length; i++) {
    setU64(view, offset + recordArgOffset(i), args[i] ?? 0);
  }
  setU64(view, offset + RECORD_RESULT_OFFSET, result ?? POISON);
}

/** A whole tape, records in order. */
export function encodeTape(records: readonly TapeRecord[]): Uint8Array {
  const bytes = new Uint8Array(records.length * RECORD_SIZE);
  const view = viewOf(bytes);
  records.forEach((record, i) => {
    encodeRecord(view, i * RECORD_SIZE, record);
  });
  return bytes;
}

export type TapeResult =
  | { readonly state: 'pending' }
  | { readonly state: 'failed'; readonly errno: number }
  | { readonly state: 'done'; readonly value: bigint };

/**
 * What the record at `offset` says. `pending`: the record has not run (a pre-filled MUST_EQUAL word reads as `done`
 * even then: such a tape's progress is told by its unfilled records).
 */
export function decodeResult(view: DataView, offset: number): TapeResult {
  const value = view.getBigInt64(offset + RECORD_RESULT_OFFSET, true);
  if (value === POISON) return { state: 'pending' };
  if (value < 0n && value >= BigInt(-ERRNO_MAX)) return { state: 'failed', errno: -Number(value) };
  return { state: 'done', value };
}
