/**
 * A checkpoint's images as values: entries by image and id. Everything but page contents, pagemaps and raw payload is
 * held; those stay references into the store, and stream.
 */
import { CheckpointError, imageError } from '../support/errors.js';
import { IMAGES, identifyImage } from './catalogue.js';
import { type Extent, FrameWriter, type Payload, readEntries } from './framing.js';
import { type Image, type ImageId, imageName } from './image.js';
import { type Content, type ImageStore, type StoredContent, storedContent } from './store.js';

/** An entry, and what follows it. */
export interface SetEntry<V> {
  readonly value: V;
  readonly payload?: Payload<Content>;
  /** In bytes from the beginning of the file that it was read from. */
  readonly offset?: number;
}

type One<V, I extends ImageId> = Image<V, 'one', I>;
type Many<V, I extends ImageId> = Image<V, 'many', I>;
type Held<V, I extends ImageId> = Image<V, 'one' | 'many', I>;
/** An id where the image's name has one, else nothing. */
type At<I> = [undefined] extends [I] ? [] : [id: I];

/** The entries of one image file. */
interface Shelf {
  readonly image: Image;
  readonly id: ImageId;
  entries: SetEntry<unknown>[];
}

/** A missing image, as an error: `core-12.img` is needed and not there. */
export const missingImage = (name: string): CheckpointError =>
  imageError('the image is missing', {
    object: name,
    remedy: 'copy all files of the checkpoint, and name its folder by --images-dir',
  });

export class ImageSet {
  private readonly shelves = new Map<string, Shelf>();

  private shelf<V>(image: Image<V>, id: ImageId): Shelf {
    const key = `${image.key} ${id}`;
    let shelf = this.shelves.get(key);
    if (!shelf) {
      shelf = { image: image as Image, id, entries: [] };
      this.shelves.set(key, shelf);
    }
    return shelf;
  }

  /** The image is there, if without entries so far: a table of descriptors can be empty, and is not missing then. */
  declare<V, I extends ImageId>(image: Held<V, I>, ...at: At<I>): void {
    this.shelf(image, at[0]);
  }

  has<V, I extends ImageId>(image: Held<V, I>, ...at: At<I>): boolean {
    return this.shelves.has(`${image.key} ${at[0]}`);
  }

  /** The one entry of an image; replaces an earlier one. */
  put<V, I extends ImageId>(image: One<V, I>, ...[...at]: [...At<I>, value: NoInfer<V>]): void {
    this.putWith(image, { value: at.pop() as V }, ...(at as unknown as At<I>));
  }

  /** The one entry of an image, with what follows it. */
  putWith<V, I extends ImageId>(image: One<V, I>, entry: SetEntry<V>, ...at: At<I>): void {
    this.shelf(image, at[0]).entries = [entry];
  }

  /** One more entry of an image. */
  add<V, I extends ImageId>(image: Many<V, I>, ...[...at]: [...At<I>, value: NoInfer<V>]): void {
    this.addWith(image, { value: at.pop() as V }, ...(at as unknown as At<I>));
  }

  /** One more entry of an image, with what follows it. */
  addWith<V, I extends ImageId>(image: Many<V, I>, entry: SetEntry<V>, ...at: At<I>): void {
    this.shelf(image, at[0]).entries.push(entry);
  }

  /** The one entry of an image. */
  get<V, I extends ImageId>(image: One<V, I>, ...at: At<I>): V | undefined {
    return this.entries(image, ...at)[0]?.value;
  }

  /** The one entry of an image that must be there; else an image error that names the file. */
  require<V, I extends ImageId>(image: One<V, I>, ...at: At<I>): V {
    const entry = this.entries(image, ...at)[0];
    if (entry === undefined) throw missingImage(imageName(image, at[0]));
    return entry.value;
  }

  /** All entries of an image, none when it is absent. */
  many<V, I extends ImageId>(image: Many<V, I>, ...at: At<I>): V[] {
    return this.entries(image, ...at).map(({ value }) => value);
  }

  /** All entries of an image with what follows them. */
  entries<V, I extends ImageId>(image: Held<V, I>, ...at: At<I>): readonly SetEntry<V>[] {
    return (this.shelves.get(`${image.key} ${at[0]}`)?.entries ?? []) as SetEntry<V>[];
  }

  /** The same for an image that is known only at run time. */
  entriesOf(image: Image, id: ImageId): readonly SetEntry<unknown>[] {
    return this.shelves.get(`${image.key} ${id}`)?.entries ?? [];
  }

  /** The ids under which an image is there, ascending. */
  ids<V, I extends ImageId>(image: Held<V, I>): I[] {
    const ids: ImageId[] = [];
    for (const shelf of this.shelves.values()) {
      if (shelf.image.key === image.key) ids.push(shelf.id);
    }
    return ids.sort((a, b) => Number(a) - Number(b)) as I[];
  }

  /** Takes an image out of the set. */
  remove(image: Image, id: ImageId): void {
    this.shelves.delete(`${image.key} ${id}`);
  }

  /** Every image file of the set. */
  files(): { image: Image; id: ImageId; entries: readonly SetEntry<unknown>[] }[] {
    return [...this.shelves.values()];
  }
}

const isHeld = (image: Image): boolean => image.entries === 'one' || image.entries === 'many';

/**
 * Reads every image of a store that holds entries, except those that `skip` names; other files are passed over. With
 * `onBroken`, an image that cannot be read is told there and left out; else its error ends the reading.
 */
export function readImageSet(
  store: ImageStore,
  skip: (image: Image) => boolean = () => false,
  onBroken?: (file: string, error: CheckpointError) => void,
): ImageSet {
  const set = new ImageSet();
  for (const name of store.list().sort()) {
    const found = identifyImage(name);
    if (!found || !isHeld(found.image) || skip(found.image)) continue;
    try {
      readImage(store, name, found, set);
    } catch (error) {
      if (!onBroken || !(error instanceof CheckpointError)) throw error;
      set.remove(found.image, found.id);
      onBroken(name, error);
    }
  }
  return set;
}

function readImage(
  store: ImageStore,
  file: string,
  { image, id }: { image: Image; id: ImageId },
  set: ImageSet,
): void {
  const reader = store.open(file);
  // It may have gone since it was listed.
  if (!reader) throw missingImage(file);
  const at = (id === undefined ? [] : [id]) as At<ImageId>;
  set.declare(image as Many<unknown, ImageId>, ...at);
  try {
    for (const { value, payload, offset } of readEntries(image, reader, file)) {
      const entry = payload
        ? { value, offset, payload: stored(store, file, payload) }
        : { value, offset };
      if (image.entries === 'one') set.putWith(image as One<unknown, ImageId>, entry, ...at);
      else set.addWith(image as Many<unknown, ImageId>, entry, ...at);
    }
  } finally {
    reader.close();
  }
}

/** The same payload, as content that can be read. */
function stored(store: ImageStore, file: string, payload: Payload): Payload<StoredContent> {
  const contents = (blocks: Readonly<Record<string, Extent>>): Record<string, StoredContent> =>
    Object.fromEntries(
      Object.entries(blocks).map(([name, extent]) => [
        name,
        storedContent(store, { file, ...extent }),
      ]),
    );
  return {
    blocks: contents(payload.blocks),
    records: payload.records.map(({ value, blocks }) => ({ value, blocks: contents(blocks) })),
  };
}

/** Writes every image of a set; the inventory, which makes a checkpoint one, comes last. */
export function writeImageSet(set: ImageSet, store: ImageStore): void {
  const isInventory = ({ image }: { image: Image }): number =>
    image.key === IMAGES.INVENTORY.key ? 1 : 0;
  const files = set.files().sort((a, b) => isInventory(a) - isInventory(b));
  for (const { image, id, entries } of files) {
    writeImage(store, imageName(image, id), image, entries);
  }
}

/** Writes one image: header, entries, payload. */
export function writeImage<V>(
  store: ImageStore,
  name: string,
  image: Image<V>,
  entries: Iterable<SetEntry<V>>,
): void {
  const writer = store.create(name);
  try {
    const frame = new FrameWriter(image, writer);
    for (const { value, payload } of entries) frame.entry(value, payload);
    writer.finish();
  } finally {
    writer.close();
  }
}
