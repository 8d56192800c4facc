/**
 * Messages as JSON and back, value for value what crit shows: 64-bit integers as plain numbers, bytes in base64, enums by
 * name, and when `pretty` flags, devices, addresses and hexadecimal as the declarations say. Reading takes either form.
 */
import { type CheckpointError, imageError } from '../support/errors.js';
import { FLAG_NAMES, VALUE_NAMES } from './dictionaries.js';
import type { Json, JsonObject } from './json-text.js';
import {
  parseAddress,
  parseBase64,
  parseDevice,
  parseFlags,
  parseInteger,
  parseQuoted,
  printAddress,
  printBase64,
  printDevice,
  printFlags,
  printQuoted,
} from './renderings.js';
import {
  type AnyEnumeration,
  enumName,
  enumValue,
  type Field,
  isMessage,
  isScalar,
  type Message,
  type Scalar,
  type ScalarName,
  typeOf,
  UNKNOWN_FIELDS,
} from './schema.js';

export interface JsonStyle {
  /** Names, addresses and hexadecimal instead of plain numbers. */
  readonly pretty: boolean;
  /** Told the message's name where a value has fields that no declaration knows: JSON has no place for them. */
  readonly onUnknown?: (message: string) => void;
}

/** A field on its way to or from JSON. */
interface Context {
  readonly key: string;
  readonly field: Field;
  readonly pretty: boolean;
  readonly style: JsonStyle;
  /** In hexadecimal because the message it is in is. */
  readonly hex: boolean;
}

/** The fields a value has, by number; empty arrays are left out. */
export function messageToJson<V>(
  message: Message<V>,
  value: NoInfer<V>,
  style: JsonStyle,
): JsonObject {
  return toJson(message, value as Value, style, false);
}

type Value = Record<string, unknown> & { [UNKNOWN_FIELDS]?: Uint8Array };

function toJson(
  message: Message<unknown>,
  value: Value,
  style: JsonStyle,
  hex: boolean,
): JsonObject {
  const out: JsonObject = {};
  if (value[UNKNOWN_FIELDS]) style.onUnknown?.(message.name);
  const fields = Object.entries(message.fields).sort(([, a], [, b]) => a.number - b.number);
  for (const [key, field] of fields) {
    const content = value[key];
    if (content === undefined) continue;
    const context = { key, field, pretty: style.pretty, style, hex };
    if (field.label !== 'repeated') {
      out[key] = elementToJson(content, context);
    } else if ((content as unknown[]).length > 0) {
      out[key] = arrayToJson(content as unknown[], context);
    }
  }
  return out;
}

function arrayToJson(content: unknown[], context: Context): Json[] {
  const isAddress = content.length === 1 || content.length === 4;
  if (context.pretty && context.field.options.ip && isAddress) {
    return [printAddress(content as number[])];
  }
  return content.map((element) => elementToJson(element, context));
}

function elementToJson(content: unknown, context: Context): Json {
  const type = typeOf(context.field);
  const { options } = context.field;
  if (isMessage(type)) {
    const hex = context.hex || options.hex === true;
    return toJson(type, content as Value, context.style, hex);
  }
  if (!isScalar(type)) return enumName(type, content as number) ?? (content as number);
  if (content instanceof Uint8Array) {
    return options.conv === 'unix_name' ? printQuoted(content) : printBase64(content);
  }
  if (typeof content === 'string' || typeof content === 'boolean') return content;
  const integer = content as number | bigint;
  return context.pretty ? integerToJson(integer, context) : integer;
}

function integerToJson(value: number | bigint, { key, field, hex }: Context): Json {
  const { options } = field;
  const flags = options.flags === undefined ? undefined : FLAG_NAMES[options.flags];
  if (flags) return printFlags(BigInt(value), flags);
  const names = options.dict === undefined ? undefined : VALUE_NAMES[options.dict]?.[key];
  if (names) return names[Number(value)] ?? value;
  if (options.dev) return printDevice(Number(value), options.odev === true);
  return hex || options.hex ? `0x${value.toString(16)}` : value;
}

/** The value of a JSON object; an image error names the field that cannot be. `where` says which entry: 'entry 3'. */
export function messageFromJson<V>(message: Message<V>, json: Json, where: string): V {
  return fromJson(message, json, `${where}: ${message.name}`) as V;
}

/** Reading takes either form. */
const READING = { pretty: true, style: { pretty: true }, hex: false };

const fault = (path: string, what: string): CheckpointError => imageError(`${path}: ${what}`);

function fromJson(message: Message<unknown>, json: Json, path: string): Record<string, unknown> {
  if (!isObject(json)) throw fault(path, 'an object is needed');
  for (const key of Object.keys(json)) {
    if (!Object.hasOwn(message.fields, key)) throw fault(path, `there is no field '${key}'`);
  }
  const value: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(message.fields)) {
    const content = json[key];
    const here = `${path}.${key}`;
    if (field.label === 'repeated') {
      value[key] = arrayFromJson(content ?? [], { key, field, ...READING }, here);
    } else if (content !== undefined && content !== null) {
      value[key] = elementFromJson(content, { key, field, ...READING }, here);
    } else if (field.label === 'required') {
      throw fault(here, 'a required field is missing');
    }
  }
  return value;
}

export const isObject = (json: Json): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

function arrayFromJson(json: Json, context: Context, path: string): unknown[] {
  if (!Array.isArray(json)) throw fault(path, 'an array is needed');
  return json.flatMap((item, index) => {
    const words =
      context.field.options.ip && typeof item === 'string' ? parseAddress(item) : undefined;
    return words ?? [elementFromJson(item, context, `${path}[${index}]`)];
  });
}

function elementFromJson(json: Json, context: Context, path: string): unknown {
  const type = typeOf(context.field);
  if (isMessage(type)) return fromJson(type, json, path);
  if (!isScalar(type)) return enumFromJson(type, json, path);
  if (type.wire === 'bool') {
    if (typeof json === 'boolean') return json;
    throw fault(path, 'true or false is needed');
  }
  if (type.wire === 'string' || type.wire === 'bytes') {
    if (typeof json !== 'string') throw fault(path, 'a string is needed');
    if (type.wire === 'string') return json;
    const quoted = context.field.options.conv === 'unix_name';
    const bytes = quoted ? parseQuoted(json) : parseBase64(json);
    if (bytes) return bytes;
    throw fault(path, quoted ? 'quoted-printable is malformed' : 'base64 is malformed');
  }
  return integerFromJson(type, json, context, path);
}

function enumFromJson(type: AnyEnumeration, json: Json, path: string): number {
  if (typeof json === 'string') {
    const value = enumValue(type, json);
    if (value !== undefined) return value;
  } else if (typeof json === 'number' && json === (json | 0)) {
    return json;
  }
  throw fault(path, `${show(json)} is no value of this field`);
}

/** The numbers each type on the wire can hold. */
const RANGE: Record<Exclude<ScalarName, 'bool' | 'string' | 'bytes'>, [bigint, bigint]> = {
  int32: [-(1n << 31n), (1n << 31n) - 1n],
  sint32: [-(1n << 31n), (1n << 31n) - 1n],
  uint32: [0n, (1n << 32n) - 1n],
  int64: [-(1n << 63n), (1n << 63n) - 1n],
  sint64: [-(1n << 63n), (1n << 63n) - 1n],
  uint64: [0n, (1n << 64n) - 1n],
  fixed64: [0n, (1n << 64n) - 1n],
};

function integerFromJson(
  type: Scalar<unknown>,
  json: Json,
  context: Context,
  path: string,
): number | bigint {
  const value = parseNumber(json, context);
  const [min, max] = RANGE[type.wire as keyof typeof RANGE];
  if (value === undefined || value < min || value > max) {
    throw fault(path, `${show(json)} is no value of this field`);
  }
  if (type.wire.endsWith('64') && !type.exact) return value;
  const number = Number(value);
  // Above 2^53 only multiples of a page are exact.
  const isExact = Number.isSafeInteger(number) || (min === 0n && value % 4096n === 0n);
  if (!isExact) throw fault(path, `${show(json)} is no address, length or offset`);
  return number;
}

function parseNumber(json: Json, { key, field }: Context): bigint | undefined {
  if (typeof json === 'bigint') return json;
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : undefined;
  if (typeof json !== 'string') return undefined;
  const { flags, dict, dev, odev } = field.options;
  const bits = flags === undefined ? undefined : FLAG_NAMES[flags];
  if (bits) return parseFlags(json, bits);
  const names = dict === undefined ? undefined : VALUE_NAMES[dict]?.[key];
  const named = Object.entries(names ?? {}).find(([, name]) => name === json);
  if (named) return BigInt(named[0]);
  const device = dev ? parseDevice(json, odev === true) : undefined;
  return device === undefined ? parseInteger(json) : BigInt(device);
}

const show = (json: Json): string =>
  typeof json === 'object' ? 'an array or object' : `'${String(json)}'`;
