/**
 * The port through which images are reached: a folder, memory, or one day a stream. Names are those of the catalogue.
 * Implementations check every operation and fail with a CheckpointError; nothing here reads or writes by itself.
 */
import { assert } from '../support/assert.js';

export interface ImageReader {
  /** In bytes, when it was opened. */
  readonly size: number;
  /** Exactly `length` bytes, the caller's to keep; an image error when the image has become shorter than its size. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

export interface ImageWriter {
  /** How many bytes the image has so far. */
  readonly position: number;
  write(bytes: Uint8Array): void;
  /** Makes the image complete: everything written, checked and closed. */
  finish(): void;
  /** Gives up an image that is not finished; after `finish`, nothing. */
  close(): void;
}

export interface ImageStore {
  /** For errors: the folder's path. */
  readonly name: string;
  /** The names of all files there. */
  list(): string[];
  /** Undefined when there is no such image. */
  open(name: string): ImageReader | undefined;
  /** A new, empty image; one of that name is replaced. */
  create(name: string): ImageWriter;
}

/** Bytes that stream: what follows an entry, wherever it comes from. */
export interface Content {
  /** In bytes. */
  readonly length: number;
  /** All of it, for content known to be small. */
  read(): Uint8Array;
  writeTo(writer: ImageWriter): void;
}

/** Content that comes piece by piece, each the taker's only while it takes it. */
export abstract class StreamedContent implements Content {
  abstract readonly length: number;

  protected abstract stream(take: (bytes: Uint8Array) => void): void;

  read(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    this.stream((bytes) => {
      whole.set(bytes, at);
      at += bytes.length;
    });
    return whole;
  }

  writeTo(writer: ImageWriter): void {
    this.stream((bytes) => writer.write(bytes));
  }
}

/** A part of an image in a store: a reference until it is read. */
export interface StoredContent extends Content {
  readonly file: string;
  /** From the beginning of the file, in bytes. */
  readonly offset: number;
}

export const contentOf = (bytes: Uint8Array): Content => ({
  length: bytes.length,
  read: () => bytes,
  writeTo: (writer) => writer.write(bytes),
});

const COPY_BYTES = 1 << 20;

/** `length` bytes of the image `file`, from `offset` on; opened anew each time it is read. */
export function storedContent(
  store: ImageStore,
  { file, offset, length }: Pick<StoredContent, 'file' | 'offset' | 'length'>,
): StoredContent {
  function reading<T>(use: (reader: ImageReader) => T): T {
    const reader = store.open(file);
    assert(reader, `${file} disappeared from ${store.name}`);
    try {
      return use(reader);
    } finally {
      reader.close();
    }
  }
  return {
    file,
    offset,
    length,
    read: () => reading((reader) => reader.read(offset, length)),
    writeTo: (writer) =>
      reading((reader) => {
        for (let at = 0; at < length; at += COPY_BYTES) {
          writer.write(reader.read(offset + at, Math.min(COPY_BYTES, length - at)));
        }
      }),
  };
}
