/**
 * JSON as text, with integers of any size: `JSON.parse` would round 18446744073709551615. Integers are numbers when that
 * is exact and bigint otherwise. Printed as crit does: ASCII only, keys in order.
 */
import { type CheckpointError, imageError } from '../support/errors.js';

export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** With `indent` spaces per level; without, on one line. */
export function printJson(value: Json, indent?: number): string {
  return indent === undefined ? print(value, '', '') : print(value, ' '.repeat(indent), '\n');
}

/** `lead` is a line break and the indentation of what holds the value, or nothing when all goes on one line. */
function print(value: Json, step: string, lead: string): string {
  if (typeof value === 'string') return printString(value);
  // A double above 2^53 prints shortened: 18446744073699066000 for 18446744073699065856.
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return String(BigInt(value as number));
  if (typeof value !== 'object' || value === null) return String(value);
  const isArray = Array.isArray(value);
  const inner = lead + step;
  const items = isArray
    ? value.map((item) => print(item, step, inner))
    : Object.entries(value).map(
        ([key, item]) => `${printString(key)}: ${print(item, step, inner)}`,
      );
  const [open, close] = isArray ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  return lead === ''
    ? `${open}${items.join(', ')}${close}`
    : `${open}${inner}${items.join(`,${inner}`)}${lead}${close}`;
}

const printString = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Deeper text is no image: messages nest 64 deep. */
const DEPTH_MAX = 200;

/** Parses a text; an image error names line and column. */
export function parseJson(text: string): Json {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.space();
  if (parser.at < text.length) throw parser.fail('something follows the end');
  return value;
}

class Parser {
  private readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  fail(what: string): CheckpointError {
    const before = this.text.slice(0, this.at);
    const line = before.split('\n').length;
    const column = this.at - before.lastIndexOf('\n');
    return imageError(`line ${line}, column ${column}: ${what}`, { object: 'JSON text' });
  }

  space(): void {
    while (this.at < this.text.length && ' \t\n\r'.includes(this.text[this.at] as string))
      this.at++;
  }

  value(depth: number): Json {
    this.space();
    if (depth > DEPTH_MAX) throw this.fail(`values are nested deeper than ${DEPTH_MAX}`);
    const first = this.text[this.at];
    if (first === '{') return this.object(depth + 1);
    if (first === '[') return this.array(depth + 1);
    if (first === '"') return this.string();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  private expect(character: string): void {
    this.space();
    if (this.text[this.at] !== character) throw this.fail(`'${character}' is missing`);
    this.at++;
  }

  /** Whether another item follows the one before. */
  private next(close: string): boolean {
    this.space();
    if (this.text[this.at] === close) {
      this.at++;
      return false;
    }
    this.expect(',');
    return true;
  }

  private isEmpty(close: string): boolean {
    this.at++;
    this.space();
    if (this.text[this.at] !== close) return false;
    this.at++;
    return true;
  }

  private object(depth: number): JsonObject {
    const members: [string, Json][] = [];
    if (this.isEmpty('}')) return {};
    do {
      this.space();
      if (this.text[this.at] !== '"') throw this.fail('a name is missing');
      const key = this.string();
      this.expect(':');
      members.push([key, this.value(depth)]);
    } while (this.next('}'));
    return Object.fromEntries(members);
  }

  private array(depth: number): Json[] {
    const items: Json[] = [];
    if (this.isEmpty(']')) return items;
    do items.push(this.value(depth));
    while (this.next(']'));
    return items;
  }

  private string(): string {
    STRING.lastIndex = this.at;
    const [token] = STRING.exec(this.text) ?? [];
    if (token === undefined) throw this.fail('a string is malformed');
    this.at += token.length;
    return JSON.parse(token) as string;
  }

  private number(): number | bigint {
    NUMBER.lastIndex = this.at;
    const [token, fraction] = NUMBER.exec(this.text) ?? [];
    if (token === undefined) throw this.fail('a value is missing');
    this.at += token.length;
    const value = Number(token);
    return fraction || Number.isSafeInteger(value) ? value : BigInt(token);
  }
}

const WORDS: readonly [string, Json][] = [
  ['null', null],
  ['true', true],
  ['false', false],
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON strings hold no raw control characters
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/y;
