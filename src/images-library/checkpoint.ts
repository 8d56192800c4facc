/** A folder of images, opened: what is there, entry by entry, and how an entry is changed and written back. */
import { type VerifyReport, verifyStore } from '../checkpoint/verify-store.js';
import { FolderStore } from '../folder/store.js';
import { IMAGES, identifyImage } from '../images/catalogue.js';
import { encode } from '../images/codec.js';
import { missingImage, type SetEntry, writeImage } from '../images/directory.js';
import { messageOf, type Payload, readEntries } from '../images/framing.js';
import { type Image, type ImageId, imageName } from '../images/image.js';
import { type ParentedStore, parentChain } from '../images/parents.js';
import { type Content, storedContent } from '../images/store.js';
import { asCheckpointError, imageError, usage } from '../support/errors.js';
import { type FileEntry, Task } from './task.js';

/** The value type of an image's entries: `EntryOf<typeof IMAGES.CORE>`. */
export type EntryOf<I> = I extends Image<infer V> ? V : never;
/** The id type of an image: a number where its name has one, else undefined. */
export type IdOf<I> = I extends Image<unknown, never, infer D> ? D : ImageId;

/** Images whose entries are messages: all but pagemaps and raw data. */
type Held<V, D extends ImageId> = Image<V, 'one' | 'many', D>;
type At<D> = [undefined] extends [D] ? [id?: undefined] : [id: D];

export interface StoredEntry<V> {
  /** From 0, in the order of the file. */
  readonly index: number;
  readonly value: V;
  /** Raw bytes that follow the entry, by name: 'extra', or 'inq' and 'outq'. Read only when asked for. */
  readonly payload: Readonly<Record<string, { readonly length: number; read(): Uint8Array }>>;
}

/**
 * Opens the checkpoint in a folder. Nothing is read yet; an image error says when the folder's links to parent images
 * lead nowhere or in a circle.
 */
export function openCheckpoint(folder: string): Checkpoint {
  return new Checkpoint(new FolderStore(folder));
}

export class Checkpoint {
  /** The folder's path. */
  readonly folder: string;
  private readonly store: FolderStore;
  private readonly chain: readonly ParentedStore[];

  /** Use `openCheckpoint`. */
  constructor(store: FolderStore) {
    this.store = store;
    this.folder = store.name;
    this.chain = parentChain(store);
  }

  /** The folders of the checkpoints that this one builds on, nearest first. */
  get parents(): string[] {
    return this.chain.slice(1).map(({ name }) => name);
  }

  /** Every image in the folder: its file name, which image it is ('CORE'), its id. */
  images(): { name: string; key: string; id: ImageId }[] {
    return this.store
      .list()
      .sort()
      .flatMap((name) => {
        const found = identifyImage(name);
        return found ? [{ name, key: found.image.key, id: found.id }] : [];
      });
  }

  /** The entries of an image, one at a time; none when it is absent. */
  *entries<V, D extends ImageId>(
    image: Held<V, D>,
    ...[id]: At<D>
  ): Generator<StoredEntry<V>, void> {
    const file = imageName(image, id as ImageId);
    for (const { index, value, content } of this.readFile(image, file)) {
      yield { index, value, payload: content?.blocks ?? {} };
    }
  }

  /** The only entry of an image, or the first of several; an image error when there is none. */
  entry<V, D extends ImageId>(image: Held<V, D>, ...at: At<D>): V {
    const next = this.entries(image, ...at).next();
    if (next.done) throw missingImage(imageName(image, at[0] as ImageId));
    return next.value.value;
  }

  /** The processes of the tree, parents first. */
  tasks(): Task[] {
    const files = this.files();
    return [...this.entries(IMAGES.PSTREE)].map(
      ({ value }) => new Task({ checkpoint: this, chain: this.chain, files, entry: value }),
    );
  }

  /** The process with this pid, as it was when it was saved; a usage error when there is none. */
  task(pid: number): Task {
    const found = this.tasks().find((task) => task.pid === pid);
    if (found) return found;
    throw usage(`There is no process ${pid} in '${this.folder}'`);
  }

  /** All open files, by id. */
  files(): Map<number, FileEntry> {
    const files = new Map<number, FileEntry>();
    for (const { value } of this.entries(IMAGES.FILES)) files.set(value.id, value);
    return files;
  }

  /**
   * Rewrites an image: `change` gets each entry and gives what takes its place; nothing removes it. Payload and fields
   * that are not known here stay (copy with `{ ...value }`). The file is replaced only when all of it is written. How many
   * entries were written is returned.
   */
  edit<V, D extends ImageId>(
    image: Held<V, D>,
    ...[change, id]: [change: (value: V, index: number) => V | undefined, ...At<D>]
  ): number {
    const file = imageName(image, id as ImageId);
    if (!this.store.list().includes(file)) throw missingImage(file);
    let count = 0;
    const changed = function* (self: Checkpoint): Generator<SetEntry<V>, void> {
      for (const { index, value, content } of self.readFile(image, file)) {
        const next = change(value, index);
        if (next === undefined) continue;
        checkValue(image, next, `entry ${index} of ${file}`);
        count++;
        yield content ? { value: next, payload: content } : { value: next };
      }
      if (image.entries === 'one' && count !== 1) {
        throw imageError('an image of this kind holds exactly one entry', { object: file });
      }
    };
    writeImage(this.store, file, image as Image<V>, changed(this));
    return count;
  }

  /** Everything that is wrong with the checkpoint. */
  verify(): VerifyReport {
    return verifyStore(this.store);
  }

  private *readFile<V>(
    image: Image<V>,
    file: string,
  ): Generator<{ index: number; value: V; content: Payload<Content> | undefined }, void> {
    const reader = this.store.open(file);
    if (!reader) return;
    try {
      for (const { index, value, payload } of readEntries(image, reader, file)) {
        yield { index, value, content: payload && this.contentOf(file, payload) };
      }
    } finally {
      reader.close();
    }
  }

  private contentOf(file: string, { blocks, records }: Payload): Payload<Content> {
    const contents = (extents: Payload['blocks']): Record<string, Content> =>
      Object.fromEntries(
        Object.entries(extents).map(([name, extent]) => [
          name,
          storedContent(this.store, { file, ...extent }),
        ]),
      );
    return {
      blocks: contents(blocks),
      records: records.map(({ value, blocks: own }) => ({ value, blocks: contents(own) })),
    };
  }
}

/** A value that its image cannot hold is the caller's mistake. */
function checkValue<V>(image: Image<V>, value: V, what: string): void {
  try {
    encode(messageOf(image), value as NoInfer<V>);
  } catch (error) {
    const cause = asCheckpointError(error);
    throw usage(`${what} cannot be written: ${cause.what.replace(/^Internal error: /, '')}`, {
      cause,
    });
  }
}
