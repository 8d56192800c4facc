/**
 * The shape of an image directory: which images it has, which fields their messages hold, of which
 * type, always or sometimes. Values do not matter; thread, leader and dead cores count apart.
 */
import { IMAGES, identifyImage } from '../../src/images/catalogue.js';
import { decode } from '../../src/images/codec.js';
import type { ImageSet } from '../../src/images/directory.js';
import { openFrame } from '../../src/images/framing.js';
import { type Image, type ImageId, imageName } from '../../src/images/image.js';
import { pagemap_entry, pagemap_head } from '../../src/images/messages/pagemap.js';
import {
  enumTypeName,
  type FieldType,
  isMessage,
  isScalar,
  type Message,
  typeOf,
  UNKNOWN_FIELDS,
} from '../../src/images/schema.js';
import type { ImageStore } from '../../src/images/store.js';
import { defined } from '../../src/support/assert.js';

export type Presence = 'always' | 'sometimes' | 'never';
/** By path: 'core-%u.img (leader): tc.comm (string)'. */
export type Shape = ReadonlyMap<string, Presence>;

export interface Difference {
  path: string;
  golden: Presence;
  ours: Presence;
}

const TASK_DEAD = 2;
const TASK_ZOMBIE = 3;

export function shapeOf(images: ImageSet, store: ImageStore): Shape {
  const count = new Counter();
  for (const { image, id, entries } of images.files()) {
    const place = placeOf(images, image, id);
    count.add(place, image.message as Message<unknown>, entries);
  }
  for (const name of store.list()) {
    const found = identifyImage(name);
    if (found?.image.entries === 'pagemap') addPagemap(count, store, { name, image: found.image });
  }
  return count.shape();
}

export function compareShapes(golden: Shape, ours: Shape): Difference[] {
  const paths = [...new Set([...golden.keys(), ...ours.keys()])].sort();
  return paths
    .map((path) => ({
      path,
      golden: golden.get(path) ?? 'never',
      ours: ours.get(path) ?? 'never',
    }))
    .filter(({ path, golden, ours }) => golden !== ours && !isBelowMissing(path));

  /** A message that one of the two never has needs no word about its fields. */
  function isBelowMissing(path: string): boolean {
    const [place = '', field = ''] = splitPath(path);
    const parents = field.split('.').slice(0, -1);
    const above = parents.map((_, i) => `${place}: ${parents.slice(0, i + 1).join('.')} (message)`);
    if (field !== '') above.unshift(place);
    return above.some((one) => !golden.has(one) || !ours.has(one));
  }
}

function splitPath(path: string): [place: string, field: string] {
  const [place = '', field = ''] = path.split(': ');
  return [place, field.replace(/ \(.*\)$/, '')];
}

function placeOf(images: ImageSet, image: Image, id: ImageId): string {
  if (image.key !== IMAGES.CORE.key) return image.pattern;
  const state = images.get(IMAGES.CORE, Number(id))?.tc?.task_state ?? 0;
  if (state === TASK_DEAD || state === TASK_ZOMBIE) return `${image.pattern} (dead)`;
  const leads = images.many(IMAGES.PSTREE).some(({ pid }) => pid === id);
  return `${image.pattern} (${leads ? 'leader' : 'thread'})`;
}

function addPagemap(
  count: Counter,
  store: ImageStore,
  { name, image }: { name: string; image: Image },
): void {
  const reader = defined(store.open(name), name);
  const cursor = openFrame(image, reader, name);
  const next = <V>(message: Message<V>): V =>
    decode(message, cursor.framed('an entry'), { file: name, entry: 0, offset: 0 });
  const heads = [{ value: next(pagemap_head) }];
  const runs: { value: unknown }[] = [];
  while (cursor.left > 0) runs.push({ value: next(pagemap_entry) });
  reader.close();
  count.add(`${imageName(image, 0)} (head)`, pagemap_head, heads);
  count.add(`${imageName(image, 0)} (run)`, pagemap_entry, runs);
}

/** How often a message is there, and how often each of its fields. */
class Counter {
  readonly #messages = new Map<string, number>();
  readonly #fields = new Map<string, { path: string; parent: string; count: number }>();

  add(place: string, message: Message<unknown>, entries: readonly { value: unknown }[]): void {
    for (const { value } of entries) this.#message(place, '', { message, value });
    if (entries.length === 0) this.#messages.set(place, this.#messages.get(place) ?? 0);
  }

  #message(
    place: string,
    path: string,
    { message, value }: { message: Message<unknown>; value: unknown },
  ): void {
    const parent = `${place}: ${path}`;
    this.#messages.set(place, 1);
    this.#messages.set(parent, (this.#messages.get(parent) ?? 0) + 1);
    const held = value as Record<string, unknown> & { [UNKNOWN_FIELDS]?: Uint8Array };
    for (const [name, field] of Object.entries(message.fields)) {
      const content = held[name];
      const elements = field.label === 'repeated' ? (content as unknown[]) : [content];
      if (content === undefined || elements.length === 0) continue;
      const type = typeOf(field);
      const below = path === '' ? name : `${path}.${name}`;
      this.#field(`${place}: ${below} (${typeName(type)})`, parent);
      if (!isMessage(type)) continue;
      for (const element of elements)
        this.#message(place, below, { message: type, value: element });
    }
    if (held[UNKNOWN_FIELDS]) this.#field(`${parent}.unknown (bytes)`, parent);
  }

  #field(path: string, parent: string): void {
    const known = this.#fields.get(path) ?? { path, parent, count: 0 };
    known.count++;
    this.#fields.set(path, known);
  }

  shape(): Shape {
    const shape = new Map<string, Presence>();
    for (const place of this.#messages.keys()) {
      if (!place.includes(': ')) shape.set(place, 'always');
    }
    for (const { path, parent, count } of this.#fields.values()) {
      shape.set(path, count === this.#messages.get(parent) ? 'always' : 'sometimes');
    }
    return shape;
  }
}

function typeName(type: FieldType): string {
  if (isMessage(type)) return 'message';
  return isScalar(type) ? type.wire : enumTypeName(type);
}
