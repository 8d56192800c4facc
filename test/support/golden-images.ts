/** A captured image directory as a set of entries. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ImageSet, readImageSet } from '../../src/images/directory.js';
import { fixtureFolder, type GoldenSet } from './golden.js';
import { memoryStore } from './memory-store.js';

export function fixtureImages(set: GoldenSet): ImageSet {
  const folder = fixtureFolder(set);
  const files = readdirSync(folder).map((name): [string, Uint8Array] => [
    name,
    readFileSync(join(folder, name)),
  ]);
  return readImageSet(memoryStore(files));
}
