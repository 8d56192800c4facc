/**
 * What an image is: a file name pattern, a magic, the message of its entries, and raw payload that may follow them,
 * all as data. `catalogue.ts` lists every image; framing, crit and the documentation are driven by it.
 */
import type { Message } from './schema.js';

/** one: exactly one entry. many: any number. pagemap: a head, then runs. raw: no entries, often no header. */
export type Entries = 'one' | 'many' | 'pagemap' | 'raw';

/** An image's place in its series: a pid, a namespace or table id; `undefined` when there is only one of the kind. */
export type ImageId = number | 'dump' | 'restore' | undefined;

/** A run of raw bytes behind an entry. */
export interface Block {
  /** 'extra' when it is the only one. */
  readonly name: string;
  /** In bytes; undefined: to the end of the image. */
  readonly length: number | undefined;
  /** Zeros follow up to a multiple of this many bytes. */
  readonly padTo?: number;
}

/** Messages behind an entry, each with a length before it and raw bytes after it. */
export interface Records {
  readonly message: Message<unknown>;
  /** undefined: to the end of the image. */
  readonly count: number | undefined;
  readonly blocks: (record: never) => readonly Block[];
}

/** What follows an entry: first blocks, then records. */
export interface Layout {
  readonly blocks: readonly Block[];
  readonly records?: Records;
}

export interface Image<V = unknown, E extends Entries = Entries, I extends ImageId = ImageId> {
  /** As crit spells it: 'CORE'. */
  readonly key: string;
  /** 'core-%u.img'; `%u`, `%lu`, `%x` stand for the id. */
  readonly pattern: string;
  readonly magic: number;
  /** What comes before the magic: the common or the service magic, or nothing. */
  readonly prefix: number | undefined;
  readonly entries: E;
  /** Undefined for raw images. */
  readonly message: Message<V> | undefined;
  /** What follows an entry of this value. */
  payload?(entry: V): Layout;
  /** The id's type; holds no value. */
  readonly id?: I;
}

/** Before the magic of every image but the inventory. */
export const IMG_COMMON_MAGIC = 0x5456_4319;
/** Before the magic of images that only serve the tool itself. */
export const IMG_SERVICE_MAGIC = 0x5510_5940;

type IdOf<P extends string> = P extends `${string}%s`
  ? 'dump' | 'restore'
  : P extends `${string}%${string}`
    ? number
    : undefined;

type Draft<V, E extends Entries, P extends string> = Image<V, E, IdOf<P>>;
type PayloadOf<V> = (entry: V) => Layout;

function draft<V, E extends Entries, P extends string>(
  pattern: P,
  rest: Pick<Image<V, E>, 'magic' | 'entries' | 'message'> & { prefix?: number | undefined },
  payload?: PayloadOf<V>,
): Draft<V, E, P> {
  const prefix = 'prefix' in rest ? rest.prefix : IMG_COMMON_MAGIC;
  return { key: '', pattern, ...rest, prefix, ...(payload && { payload }) };
}

export const one = <V, P extends string>(
  pattern: P,
  magic: number,
  message: Message<V>,
  payload?: PayloadOf<V>,
): Draft<V, 'one', P> => draft(pattern, { magic, message, entries: 'one' }, payload);

export const many = <V, P extends string>(
  pattern: P,
  magic: number,
  message: Message<V>,
  payload?: PayloadOf<V>,
): Draft<V, 'many', P> => draft(pattern, { magic, message, entries: 'many' }, payload);

/** `message` is the head's. */
export const pagemap = <V, P extends string>(
  pattern: P,
  magic: number,
  message: Message<V>,
): Draft<V, 'pagemap', P> => draft(pattern, { magic, message, entries: 'pagemap' });

/** Bytes of a format of their own; `magic` is 0 when there is no header. */
export const raw = <P extends string>(pattern: P, magic = 0): Draft<unknown, 'raw', P> =>
  draft(pattern, {
    magic,
    message: undefined,
    entries: 'raw',
    prefix: magic === 0 ? undefined : IMG_COMMON_MAGIC,
  });

/** An image with another word, or none, before its magic. */
export const prefixed = <I>(prefix: number | undefined, image: I): I => ({ ...image, prefix });

/** Gives each image the key it is listed under. */
export function listed<T extends Record<string, Image>>(images: T): Readonly<T> {
  const named = Object.entries(images).map(([key, image]) => [key, { ...image, key }]);
  return Object.fromEntries(named) as T;
}

type Named = Pick<Image, 'pattern'>;

/** How a number is written in the names of a pattern. */
const radixOf = (pattern: string): number => (pattern.includes('%x') ? 16 : 10);

/** 'core-412.img'. */
export function imageName(image: Named, id: ImageId): string {
  const text = typeof id === 'number' ? id.toString(radixOf(image.pattern)) : `${id ?? ''}`;
  return image.pattern.replace(/%l?[a-z]/, text);
}

/** The id in a file name that follows the image's pattern; null when it does not. */
export function parseImageId(image: Named, name: string): ImageId | null {
  const at = image.pattern.indexOf('%');
  if (at < 0) return image.pattern === name ? undefined : null;
  const prefix = image.pattern.slice(0, at);
  const suffix = image.pattern.slice(at).replace(/^%l?[a-z]/, '');
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return null;
  const text = name.slice(prefix.length, name.length - suffix.length);
  if (image.pattern.endsWith('%s')) return text === 'dump' || text === 'restore' ? text : null;
  const radix = radixOf(image.pattern);
  const id = Number.parseInt(text, radix);
  return Number.isSafeInteger(id) && id >= 0 && id.toString(radix) === text ? id : null;
}
