/**
 * A system call, described once: argument names and types, and what it returns. The same description is run here
 * (host.call), inside a stopped task (remote.call) and on a tape (tape.call), and printed as strace would.
 */
import { toWord } from '../support/bytes.js';
import { cString } from '../support/text.js';
import type { FieldType } from './struct.js';
import { NR } from './syscall-numbers.js';

export type Word = number | bigint;

/** Memory in the address space a call runs in. */
export interface Place {
  readonly address: number;
  readonly length: number;
}

/** Where pointer arguments put their data: the arena here, scratch memory in a task, the data area of a plan. */
export interface Memory {
  store(data: Uint8Array, align?: number): number;
}

/** One argument: how its value becomes a register word, and how it is shown. */
export interface Param<T> {
  pass(value: T, memory: Memory): Word;
  print(value: T): string;
}

// biome-ignore lint/suspicious/noExplicitAny: a parameter list holds parameters of any type
export type Params = Record<string, Param<any>>;
export type ReturnKind = 'zero' | 'fd' | 'count' | 'pid' | 'address' | 'value';

export interface Syscall<P extends Params = Params> {
  readonly name: string;
  readonly nr: number;
  readonly params: P;
  readonly returns: ReturnKind;
  /** A call as 32-bit code makes it: only on tapes whose data lies where such code reaches. */
  readonly ia32?: true;
}

type ValueOfParam<X> = X extends Param<infer T> ? T : never;
/** The arguments of a call; `Also` is what else may stand for a word (a symbolic value, on a tape). */
export type Arguments<P extends Params, Also = never> = {
  [K in keyof P]: ValueOfParam<P[K]> | Also;
};

export function syscall<P extends Params>(
  name: keyof typeof NR,
  params: P,
  returns: ReturnKind = 'zero',
): Syscall<P> {
  return { name, nr: NR[name], params, returns };
}

/** The same of 32-bit code: `nr` is its number for such code. */
export const syscall32 = <P extends Params>(
  name: keyof typeof NR,
  nr: number,
  params: P,
): Syscall<P> => ({ name: `${name} (ia32)`, nr, params, returns: 'zero', ia32: true });

export const hex = (value: Word): string => (value < 0 ? String(value) : `0x${value.toString(16)}`);

const wordParam = (print: (value: Word) => string): Param<Word> => ({
  pass: (value) => value,
  print,
});
export const int = wordParam(String);
export const uint = wordParam(String);
export const hexWord = wordParam(hex);
export const octal = wordParam((value) => `0${value.toString(8)}`);
export const fdParam: Param<number> = {
  pass: (value) => value,
  print: (value) => (value === AT_FDCWD ? 'AT_FDCWD' : String(value)),
};
/** fcntl.h: paths are relative to the working directory. */
export const AT_FDCWD = -100;

export type FlagTable = Readonly<Record<string, Word>>;

/** 'A|B|0x4': names for the bits of a table that are set, the rest in hex. */
export function printFlags(table: FlagTable, value: Word): string {
  let rest = toWord(value);
  const names: string[] = [];
  for (const [name, bits] of Object.entries(table)) {
    const mask = toWord(bits);
    if (mask !== 0n && (rest & mask) === mask) {
      names.push(name);
      rest &= ~mask;
    }
  }
  if (rest !== 0n || names.length === 0) names.push(hex(rest));
  return names.join('|');
}

export const flags = (table: FlagTable): Param<Word> =>
  wordParam((value) => printFlags(table, value));

/** One of several named values. */
export function oneOf(table: FlagTable): Param<Word> {
  const names = new Map(Object.entries(table).map(([name, value]) => [toWord(value), name]));
  return wordParam((value) => names.get(toWord(value)) ?? hex(value));
}

export type PointerInput = Uint8Array | Place | number;
const isPlace = (value: unknown): value is Place =>
  typeof value === 'object' && value !== null && 'address' in value && 'length' in value;

function printPointer(value: unknown): string {
  if (typeof value === 'number') return value === 0 ? 'NULL' : hex(value);
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (isPlace(value)) return `${hex(value.address)}<${value.length}>`;
  return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? hex(v) : v));
}

/** Bytes passed by address; or a place that already holds, or will receive, them; or an address as it is. */
export const data: Param<PointerInput> = {
  pass: (value, memory) => {
    if (typeof value === 'number') return value;
    return isPlace(value) ? value.address : memory.store(value, 8);
  },
  print: printPointer,
};
/** A buffer the kernel fills. */
export const out: Param<Place | number> = {
  pass: (value) => (typeof value === 'number' ? value : value.address),
  print: printPointer,
};
/** A NUL-terminated string. */
export const path: Param<string | Place> = {
  pass: (value, memory) =>
    typeof value === 'string' ? memory.store(cString(value), 1) : value.address,
  print: (value) => (typeof value === 'string' ? JSON.stringify(value) : printPointer(value)),
};

type Encodable<T> = FieldType<T> & { encode(value: Partial<T>): Uint8Array };
/** A struct passed by address: its value, a place, or an address (0 for NULL). */
export const pointerTo = <T>(type: Encodable<T>): Param<Partial<T> | Place | number> => ({
  pass: (value, memory) => {
    if (typeof value === 'number') return value;
    return isPlace(value) ? value.address : memory.store(type.encode(value), 8);
  },
  print: printPointer,
});

/** The call as strace shows it. */
export function printCall<P extends Params>(
  call: Syscall<P>,
  args: Arguments<P, unknown>,
  symbol: (value: unknown) => string | undefined = () => undefined,
): string {
  const shown = Object.entries(call.params).map(([name, param]) => {
    const value = args[name as keyof P];
    return symbol(value) ?? param.print(value);
  });
  return `${call.name}(${shown.join(', ')})`;
}
