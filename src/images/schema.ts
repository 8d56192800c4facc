/**
 * Protobuf (proto2) messages, declared: numbers, labels, types and how a person sees a field; the value's type follows.
 * Declaring costs nothing: a message's fields come to be, and the codec prepares it, when it is first used.
 */

/** Where a message keeps the fields its declaration does not know, as they came: tag and content of each, in order. */
export const UNKNOWN_FIELDS: unique symbol = Symbol('unknown fields');

export type ScalarName =
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'bool'
  | 'string'
  | 'bytes';

declare const valueType: unique symbol;

/** A field's content: one of protobuf's types on the wire, and the type it has in a value. */
export interface Scalar<T> {
  readonly kind: 'scalar';
  /** The type on the wire. */
  readonly wire: ScalarName;
  /** Whether a 64-bit type is a number in values. */
  readonly exact: boolean;
  readonly [valueType]?: T;
}

function scalar<T>(wire: ScalarName, exact = false): Scalar<T> {
  return { kind: 'scalar', wire, exact };
}

export const int32 = scalar<number>('int32');
export const uint32 = scalar<number>('uint32');
export const sint32 = scalar<number>('sint32');
/** Raw 64-bit words are bigint: registers, masks, inodes, counters, cookies. */
export const int64 = scalar<bigint>('int64');
export const uint64 = scalar<bigint>('uint64');
export const fixed64 = scalar<bigint>('fixed64');
/** uint64 on the wire: an address, a length, a count or a time; a number, exact or refused. */
export const word = scalar<number>('uint64', true);
/** sint64 on the wire, a number, exact or refused. */
export const signedWord = scalar<number>('sint64', true);
export const bool = scalar<boolean>('bool');
/** Text; bytes that are not UTF-8 survive, see `text.ts`. */
export const string = scalar<string>('string');
export const bytes = scalar<Uint8Array>('bytes');

const enumDeclaration: unique symbol = Symbol('enum');

/** Named integers: `fd_types.REG` is 1. Values are plain numbers, as images may hold ones that have no name here. */
export type Enumeration<V extends Readonly<Record<string, number>>> = V & {
  readonly [enumDeclaration]: EnumDeclaration;
};

interface EnumDeclaration {
  readonly kind: 'enum';
  readonly name: string;
}

/** Any enumeration, for code that is driven by declarations. */
export interface AnyEnumeration {
  readonly [enumDeclaration]: EnumDeclaration;
}

export function enumeration<const V extends Readonly<Record<string, number>>>(
  name: string,
  values: V,
): Enumeration<V> {
  const declaration: EnumDeclaration = { kind: 'enum', name };
  return Object.defineProperty(values, enumDeclaration, { value: declaration }) as Enumeration<V>;
}

/** The enumeration's name on the wire: 'core_entry.march'. */
export const enumTypeName = (type: AnyEnumeration): string => type[enumDeclaration].name;

/** The names and numbers of an enumeration, in declaration order. */
export const enumEntries = (type: AnyEnumeration): [string, number][] =>
  Object.entries(type as unknown as Record<string, number>);

/** The name of a value; undefined when it has none. */
export function enumName(type: AnyEnumeration, value: number): string | undefined {
  const names = type as unknown as Record<string, number>;
  for (const name in names) if (names[name] === value) return name;
  return undefined;
}

/** The value of a name; undefined when there is none. */
export const enumValue = (type: AnyEnumeration, name: string): number | undefined =>
  enumEntries(type).find(([known]) => known === name)?.[1];

/** How a person sees a field, and what its absence means. */
export interface FieldOptions {
  /** In hexadecimal; on a message, everything in it. */
  readonly hex?: true;
  /** Names of flag bits: a key of `FLAG_NAMES`. */
  readonly flags?: string;
  /** Names of values: a key of `VALUE_NAMES`. */
  readonly dict?: string;
  /** major:minor of a device number as the kernel keeps it: major << 20 | minor. */
  readonly dev?: true;
  /** With `dev`: as stat(2) encodes st_rdev in 32 bits. */
  readonly odev?: true;
  /** An IPv4 or IPv6 address, in words of network byte order. */
  readonly ip?: true;
  /** A rendering of its own. */
  readonly conv?: 'unix_name';
  /** What absence means, as protobuf source spells it: '-1', 'true', 'NATIVE'. */
  readonly default?: string;
}

export type Label = 'required' | 'optional' | 'repeated';
export type FieldType = Scalar<unknown> | AnyEnumeration | Message<unknown>;

export interface Field<L extends Label = Label, T = unknown> {
  readonly number: number;
  readonly label: L;
  readonly options: FieldOptions;
  /** The type, or a function that gives it where a message contains itself. */
  readonly declared: FieldType | (() => FieldType);
  readonly [valueType]?: T;
}

/** A message declaration; `V` is the type of its values. */
export interface Message<out V> {
  readonly kind: 'message';
  /** Its name on the wire. */
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly [valueType]?: V;
}

export type MessageValue<M> = M extends Message<infer V> ? V : never;

type TypeValue<T> =
  T extends Scalar<infer V>
    ? V
    : T extends Message<infer V>
      ? V
      : T extends AnyEnumeration
        ? number
        : never;
type Declared<T> = T extends () => infer R ? R : T;

type Flatten<T> = { [K in keyof T]: T[K] };
/** What every message's value may have beside its fields. Named, so that declaration files can refer to it. */
export interface Extensible {
  [UNKNOWN_FIELDS]?: Uint8Array;
}
type FieldsValue<F> = Flatten<
  {
    [K in keyof F as F[K] extends Field<'optional'> ? never : K]: F[K] extends Field<
      infer L,
      infer V
    >
      ? L extends 'repeated'
        ? V[]
        : V
      : never;
  } & {
    [K in keyof F as F[K] extends Field<'optional'> ? K : never]?: F[K] extends Field<
      Label,
      infer V
    >
      ? V | undefined
      : never;
  }
> &
  Extensible;

const NO_OPTIONS: FieldOptions = {};

const field =
  <L extends Label>(label: L) =>
  <T extends FieldType | (() => FieldType)>(
    number: number,
    declared: T,
    options: FieldOptions = NO_OPTIONS,
  ): Field<L, TypeValue<Declared<T>>> => ({ number, label, declared, options });

/** Present in every value. */
export const required = field('required');
/** May be absent; its default, if any, is for the reader of the value to apply. */
export const optional = field('optional');
/** An array, empty when absent. */
export const repeated = field('repeated');

/** A function is called when the fields are first asked for: most programs see few of all messages. */
export function message<F extends Readonly<Record<string, Field>>>(
  name: string,
  declared: F | (() => F),
): Message<FieldsValue<F>> {
  let fields: F | undefined;
  return {
    kind: 'message',
    name,
    get fields() {
      fields ??= typeof declared === 'function' ? declared() : declared;
      return fields;
    },
  };
}

/** A field's type, whether it was given or is given by a function. */
export const typeOf = ({ declared }: Field): FieldType =>
  typeof declared === 'function' ? declared() : declared;

export const isMessage = (type: FieldType): type is Message<unknown> =>
  'kind' in type && type.kind === 'message';
export const isScalar = (type: FieldType): type is Scalar<unknown> =>
  'kind' in type && type.kind === 'scalar';
