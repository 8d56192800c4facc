/** What crit reads from and writes to: files by name, or the standard streams. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { checked, createFile, FileWriter, fileError, openFile } from '../folder/store.js';
import type { ImageReader, ImageWriter } from '../images/store.js';
import { fromUtf8 } from '../support/bytes.js';
import { refused } from '../support/errors.js';

const STDIN = 0;
const STDOUT = 1;

/** Images from a pipe are held whole: payload is read after the entries that lead to it. */
const readerOf = (bytes: Uint8Array): ImageReader => ({
  size: bytes.length,
  read: (offset, length) => bytes.slice(offset, offset + length),
  close: () => {},
});

export const nameOf = (input: string | undefined): string => input ?? 'standard input';

/** An image to read, by name or from standard input. */
export function openInput(input: string | undefined): ImageReader {
  if (input === undefined)
    return readerOf(checked(nameOf(input), 'read', () => readFileSync(STDIN)));
  const found = openFile(input);
  if (found) return found;
  throw refused('open: ENOENT', { object: input, errno: 'ENOENT', remedy: 'check the name' });
}

/** A whole text, by name or from standard input. */
export function readText(input: string | undefined): string {
  const name = nameOf(input);
  const bytes = checked(name, 'read', () => readFileSync(input ?? STDIN));
  return fromUtf8(bytes);
}

/** Where to write. A regular file appears, or is replaced, only when it is complete. */
export function openOutput(output: string | undefined): ImageWriter {
  if (output === undefined) return new FileWriter(STDOUT, 'standard output', () => {});
  const special = openSpecial(output);
  return special ?? createFile(output);
}

/** A device, pipe or terminal is written where it is. */
function openSpecial(output: string): FileWriter | undefined {
  let fd: number;
  try {
    fd = openSync(output, constants.O_WRONLY);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw fileError(error, output, 'open');
  }
  if (!fstatSync(fd).isFile()) return new FileWriter(fd, output, () => closeSync(fd));
  closeSync(fd);
  return undefined;
}
